"""`make send` in a process of its own, on a stack under test."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.local.sample import SampleEvent
from infra.local.sample.lines import write_line
from tests.support.stack import ROOT, LocalStack, command_line, plain_environment

SECONDS_TO_SEND = 150.0


def write_events(file: Path, events: Sequence[SampleEvent]) -> Path:
    """The events as a file that can be sent."""
    file.write_bytes(b"".join(map(write_line, events)))
    return file


@contextmanager
def sending(stack: LocalStack, file: Path) -> Iterator["subprocess.Popen[str]"]:
    """The command under way; it is ended in any case."""
    process = subprocess.Popen(
        command_line(stack.layout.folder, "send", str(file)),
        cwd=ROOT,
        env=plain_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def finish(process: "subprocess.Popen[str]") -> int:
    """The exit status once it has ended by itself."""
    process.communicate(timeout=SECONDS_TO_SEND)
    return process.returncode
