"""The fault simulator as a command in a process of its own, on the project or on a copy of it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.stack import ROOT, plain_environment
from tests.support.stack_processes import eventually

SECONDS_TO_END = 280
# What a copy needs to run, and nothing else.
COPIED = (
    "functions",
    "shared",
    "infra",
    "migrations",
    "function_app.py",
    "host.json",
    "local.settings.sample.json",
)


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit status, what it told as JSON, and what it said on standard error."""

    status: int
    told: dict[str, Any]
    said: str


class Simulation:
    """One run; its data lies below `folder`, and so do JSON and picture."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        project: Path = ROOT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.out = folder / "out"
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        self._said = folder / "said"
        with self._said.open("w") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "infra.local.simulate", "--json", "--out", str(self.out), *arguments],
                cwd=project,
                env={
                    **plain_environment(),
                    "TMPDIR": str(self.data),
                    "PYTHONFAULTHANDLER": "1",
                    **(environment or {}),
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._said.read_text()

    def wait(self) -> Ended:
        """Until it ends by itself. Raises AssertionError, with what every thread does, when it does not."""
        try:
            printed, _ = self._process.communicate(timeout=SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGABRT)
            self._process.wait()
            raise AssertionError(f"not ended within {SECONDS_TO_END} s\n{self.said}") from None
        told = json.loads(printed) if printed else {}
        return Ended(self._process.returncode, told, self.said)

    def interrupt(self) -> None:
        """Ctrl-C: the signal goes to everything in the terminal's foreground group."""
        os.killpg(self._process.pid, signal.SIGINT)

    def terminate(self) -> None:
        """SIGTERM to the simulator alone."""
        self._process.terminate()

    def wait_for_part(self, module: str) -> None:
        """Until a part of this run is up."""
        eventually(lambda: self.processes(module), f"{module} runs", lambda: self.said)

    def processes(self, word: str = "") -> list[int]:
        """What runs for this run: every process whose command names its data, and the word."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal() and int(folder.name) != self._process.pid:
                try:
                    command = (folder / "cmdline").read_bytes().decode(errors="replace")
                except (FileNotFoundError, ProcessLookupError):
                    continue
                if str(self.data) in command and word in command:
                    found.append(int(folder.name))
        return found

    def close(self) -> None:
        """End it if it still runs."""
        if self._process.poll() is None:
            self._process.terminate()
            # It still tells what it saw; unread, that would hold it up.
            self._process.communicate(timeout=SECONDS_TO_END)


def spoiled_copy(folder: Path, file: str, old: str, new: str, more: str = "") -> Path:
    """A copy of the project with one text replaced and more appended to that file. Raises when it does not apply."""
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, folder / name)
    path = folder / file
    text = path.read_text("utf-8")
    if text.count(old) != 1:
        raise LookupError(f"{file} holds {old!r} {text.count(old)} times")
    path.write_text(text.replace(old, new) + more, "utf-8")
    return folder
