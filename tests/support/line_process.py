"""A process that is talked to line by line, and never left behind."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

import shared

STOP_SECONDS = 30


def package_folder() -> Path:
    """The folder whose `shared` this process runs: the project's own, or a copy with a planted defect."""
    assert shared.__file__ is not None
    return Path(shared.__file__).parents[1]


class LineProcess:
    """`python -m MODULE ARGUMENTS`, on the same copy of the product as this process; it says `ready` first."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=package_folder(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        try:
            assert self.read() == "ready"
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """The end of its input is the end of the process."""
        try:
            self._process.communicate(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def read(self) -> str:
        """Its next line, '' when it has ended."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().rstrip("\n")

    def ask(self, line: str) -> str:
        """Say a line and hear the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self.read()

    def kill(self) -> None:
        """As the platform does to a process that is out of time."""
        self._process.kill()
        self._process.communicate()

    def kill_while_read(self) -> None:
        """The same while another thread reads; that thread comes to the end, and then close() is due."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Close the pipes of a process that has ended."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    # What was still to be said to it, nobody hears.
                    pipe.close()
