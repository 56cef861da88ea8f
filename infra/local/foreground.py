"""How a process of the local stack runs: it announces itself, waits in the foreground and stops when told."""

import json
import os
import select
import signal
import sys
import threading
import time
from types import FrameType

PARENT_POLL_SECONDS = 0.5


def announce_ready(port: int, **more: object) -> None:
    """Print the one line a starter waits for: port and pid as JSON on standard output."""
    print(json.dumps({"ready": True, "port": port, "pid": os.getpid(), **more}), flush=True)


def process_alive(pid: int) -> bool:
    """True while a process with this id exists, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class StopRequest:
    """Becomes true on SIGTERM, SIGINT, the end of standard input or the end of another process.

    Create it in the main thread. A pipe carries the request, because taking a lock inside a signal
    handler can deadlock with the thread that waits on it.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def request(self) -> None:
        os.write(self._writer, b"x")

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """True when stopping was requested; False when the time passed without a request."""
        readable, _, _ = select.select([self._reader], [], [], timeout_seconds)
        return bool(readable)

    def watch_standard_input(self) -> None:
        """Stop when standard input ends, as it does when the parent that held the other end is gone."""
        threading.Thread(target=self._read_to_end, name="watch-parent", daemon=True).start()

    def watch_process(self, pid: int) -> None:
        """Stop when the process with this id is gone."""
        threading.Thread(target=self._poll, args=(pid,), name="watch-process", daemon=True).start()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.request()

    def _read_to_end(self) -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        self.request()

    def _poll(self, pid: int) -> None:
        while process_alive(pid):
            time.sleep(PARENT_POLL_SECONDS)
        self.request()
