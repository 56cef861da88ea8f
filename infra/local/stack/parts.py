"""The parts of the stack, each a process of its own that announces itself and stops when its parent is gone."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from infra.local.stack.errors import StackError
from infra.local.stack.layout import ROOT

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
LOG_BYTES_MAX = 16 * 1024 * 1024
LOG_TAIL_BYTES = 4096


@dataclass(frozen=True)
class PartSpec:
    """How to start a part: `python -m module arguments --watch-parent`, and how long to wait for it."""

    title: str
    module: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_seconds: float = READY_SECONDS
    stop_seconds: float = STOP_SECONDS


class Part:
    """One running part."""

    def __init__(self, spec: PartSpec, logs: Path) -> None:
        self.spec = spec
        self.log_file = logs / f"{spec.module.rsplit('.', 1)[-1]}.log"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the process; `wait_ready` says when it serves."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_BYTES_MAX:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        # A blank variable is as good as none: it must not hide what the settings file says.
        inherited = {name: value for name, value in os.environ.items() if value}
        with self.log_file.open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.spec.module, *self.spec.arguments, "--watch-parent"],
                cwd=ROOT,
                env={**inherited, **self.spec.environment},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # Ctrl-C must reach the parent only, which stops the parts in order.
                start_new_session=True,
            )

    def wait_ready(self, cancelled: Callable[[], bool]) -> dict[str, Any]:
        """What the part announced: its port and more. Raises StackError with the part's own last words."""
        output = self._started().stdout
        assert output is not None
        deadline = time.monotonic() + self.spec.ready_seconds
        while not select.select([output], [], [], 0.2)[0]:
            if cancelled():
                raise StackCancelled
            if time.monotonic() > deadline:
                raise StackError(
                    f"{self.spec.title} did not start in {self.spec.ready_seconds:.0f} s: "
                    f"look into {self.log_file}."
                )
        return self._announcement(output)

    def _announcement(self, output: IO[str]) -> dict[str, Any]:
        line = output.readline()
        if not line:
            self._started().wait()
            raise StackError(f"{self.spec.title} did not start. {self.last_words()}")
        ready: dict[str, Any] = json.loads(line)
        return ready

    @property
    def pid(self) -> int:
        return self._started().pid

    def ended(self) -> str | None:
        """None while it runs, else how it ended."""
        code = self._started().poll()
        if code is None:
            return None
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    def stop(self) -> None:
        """Ask it to stop, and end it when it does not."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(self.spec.stop_seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None

    def last_words(self) -> str:
        """The last line of its log, which is the sentence it ended with."""
        with self.log_file.open("rb") as log:
            log.seek(max(0, self.log_file.stat().st_size - LOG_TAIL_BYTES))
            lines = [line for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip() if lines else f"Look into {self.log_file}."

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise RuntimeError(f"{self.spec.title} was not started")
        return self._process


class StackCancelled(Exception):
    """The person asked to stop while the stack was still starting."""
