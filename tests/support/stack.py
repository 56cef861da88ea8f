"""The whole local stack in its own processes: started, watched, disturbed, ended, and never left behind."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from infra.local.postgres.server import LocalPostgres
from infra.local.stack.layout import Layout, State
from infra.local.stack.reset import reset
from shared.settings import setting_names
from tests.support.runtime import BASE_SETTINGS
from tests.support.stack_processes import SECONDS_TO_HAPPEN, Process, eventually, process_tree

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_STOP = 60.0
COMMANDS_PRINTED = 3


def command_line(folder: Path, *arguments: str) -> list[str]:
    """A command of the local stack on this folder."""
    return [sys.executable, "-m", "infra.local", "--folder", str(folder), *arguments]


# Tests ask as often as they like.
UNLIMITED = {name: value for name, value in BASE_SETTINGS.items() if name.startswith("RATE_LIMIT_")}


def plain_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without any setting of the app, so that the stack uses its own parts."""
    settings = {*setting_names(), "MIGRATOR_DATABASE_URL"}
    kept = {name: value for name, value in os.environ.items() if name not in settings}
    return {**kept, **UNLIMITED, **(changes or {})}


def run_command(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, run to its end."""
    return subprocess.run(
        command_line(folder, *arguments),
        cwd=ROOT,
        env=plain_environment(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_TO_HAPPEN,
        check=False,
    )


class LocalStack:
    """`make run` on a folder of its own; the folder outlives the run."""

    def __init__(
        self, folder: Path, *, events: int, port: int = 0, environment: Mapping[str, str] | None = None
    ) -> None:
        self.layout = Layout(folder)
        self._events = events
        self._port = port
        self._environment = environment
        self._output_file = folder.with_name(f"{folder.name}.output")
        self._runner: subprocess.Popen[bytes] | None = None
        self._seen: set[Process] = set()
        self._postgres = LocalPostgres(self.layout.postgres, notice=lambda _sentence: None)

    @property
    def output(self) -> str:
        """What it printed since its last start."""
        return self._output_file.read_text()

    @property
    def state(self) -> State:
        return State.read(self.layout)

    @property
    def url(self) -> str:
        return self.state.url

    def start(self) -> None:
        """Start the runner in a session of its own, as a terminal does; `wait_ready` says when it serves."""
        arguments = ("run", "--port", str(self._port), "--events", str(self._events))
        with self._output_file.open("w") as output:
            self._runner = subprocess.Popen(
                command_line(self.layout.folder, *arguments),
                cwd=ROOT,
                env=plain_environment(self._environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Until everything is up and, if a sample is wanted, whatever is fed is taken and the last line is out."""
        eventually(self._is_ready, "the stack is up", lambda: self.output)
        if self._events:
            self.commands()
        self.processes()

    def _is_ready(self) -> bool:
        assert self._started.poll() is None, self.output
        state = self.state
        return (
            state.pid == self._started.pid and bool(state.url) and (not self._events or state.fed == "done")
        )

    def processes(self) -> set[Process]:
        """Everything that runs for the stack now, the database server and its backends included."""
        found = process_tree(self._started.pid)
        postmaster = self._postgres.pid
        if postmaster is not None:
            found |= process_tree(postmaster)
        self._seen |= found
        return found

    def part(self, module: str) -> Process:
        """The process of one part, by the name of its module."""
        wanted = f"\0infra.local.{module}\0".encode()
        for process in process_tree(self._started.pid):
            if wanted in Path(f"/proc/{process.pid}/cmdline").read_bytes():
                return process
        raise AssertionError(f"no part {module} runs\n{self.output}")

    def commands(self) -> list[tuple[str, Path]]:
        """The look-ups it printed to try: the address and the file of the token."""

        def printed() -> list[str]:
            lines: list[str] = re.findall(r"^ +(curl .*?) \|.*\n", self.output, re.MULTILINE)
            return lines if len(lines) == COMMANDS_PRINTED else []

        return [_address_and_token(line) for line in eventually(printed, "the commands", lambda: self.output)]

    def interrupt(self) -> None:
        """Ctrl-C: the signal goes to everything in the terminal's foreground group."""
        os.killpg(self._started.pid, signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to the runner alone."""
        self._started.kill()
        self.wait()

    def wait(self) -> int:
        """The exit status, once it has ended; keeps an eye on what runs until then."""

        def ended() -> bool:
            if self._started.poll() is None:
                self.processes()
            return self._started.poll() is not None

        eventually(ended, "the run ends", lambda: self.output)
        return int(self._started.returncode)

    def left_over(self) -> set[Process]:
        """What still runs of all that was seen running."""
        return {process for process in self._seen if process.runs()}

    def close(self) -> None:
        """End whatever still runs and remove the data, wherever it lies."""
        if self._runner is not None and self._runner.poll() is None:
            self.processes()
            self._runner.terminate()
            try:
                self._runner.wait(SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                self._runner.kill()
                self._runner.wait()
        for process in self.left_over():
            process.kill()
        eventually(lambda: not self.left_over(), "the end of every process")
        reset(self.layout)

    @property
    def _started(self) -> "subprocess.Popen[bytes]":
        assert self._runner is not None, "the stack was not started"
        return self._runner


def _address_and_token(line: str) -> tuple[str, Path]:
    """The parts of `curl -s -H "Authorization: Bearer $(cat FILE)" ADDRESS`."""
    words = shlex.split(line)
    header, address = words[words.index("-H") + 1], words[-1]
    token = re.fullmatch(r"Authorization: Bearer \$\(cat (.+)\)", header)
    assert token, line
    return address, ROOT / shlex.split(token[1])[0]


@contextmanager
def local_stack(folder: Path, *, events: int, port: int = 0) -> Iterator[LocalStack]:
    """A stack that is up; everything of it is ended and removed afterwards, whatever happened."""
    stack = LocalStack(folder, events=events, port=port)
    try:
        stack.start()
        stack.wait_ready()
        yield stack
    finally:
        stack.close()
