"""Processes and ports as the kernel sees them, for tests that count what is left."""

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import SystemRandom
from typing import Any, NamedTuple

SECONDS_TO_HAPPEN = 90.0
LOOK_SECONDS = 0.03


def eventually(happened: Callable[[], Any], what: str, log: Callable[[], str] = str) -> Any:
    """The first true answer. Raises AssertionError, with the log, when there is none in a generous while."""
    deadline = time.monotonic() + SECONDS_TO_HAPPEN
    while time.monotonic() < deadline:
        if answer := happened():
            return answer
        time.sleep(LOOK_SECONDS)
    raise AssertionError(f"not within {SECONDS_TO_HAPPEN:.0f} s: {what}\n{log()}")


class Process(NamedTuple):
    """A process that stays the same one when its id is given to another."""

    pid: int
    started: str

    def runs(self) -> bool:
        """False too for a dead process that nobody has fetched yet."""
        state, _, started = _status(self.pid)
        return bool(started) and started == self.started and state not in ("Z", "X")

    def send_signal(self, number: int) -> None:
        """Harmless when it has ended."""
        if self.runs():
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL; harmless when it has ended."""
        self.send_signal(signal.SIGKILL)


def process_tree(pid: int) -> set[Process]:
    """The process and all below it."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            parents.setdefault(_status(int(folder.name))[1], []).append(int(folder.name))
    found, open_ids = set(), [pid]
    while open_ids:
        each = open_ids.pop()
        found.add(Process(each, _status(each)[2]))
        open_ids += parents.get(each, [])
    return {process for process in found if process.runs()}


def _status(pid: int) -> tuple[str, int, str]:
    """State, parent and start time as the kernel tells them; empty when there is no such process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "", 0, ""
    return fields[0], int(fields[1]), fields[19]


def is_connected(pid: int, port: int) -> bool:
    """True while the process holds a connection to this port of the loopback address."""
    remote, established = f"0100007F:{port:04X}", "01"
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[2] == remote and row[3] == established}
    held = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            held.add(str(handle.readlink()))
    return bool(sockets & held)


def free_port_row(count: int = 8) -> int:
    """The first of neighbouring free ports, below those that are given to outgoing connections."""
    chance = SystemRandom()
    while True:
        first = chance.randrange(18_000, 30_000)
        if all(is_free(port) for port in range(first, first + count)):
            return first


def is_free(port: int) -> bool:
    """True when nobody listens on the port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
