"""A function app under the platform's own worker runtime, in a process of its own.

The runtime keeps the loaded app in module globals, so one process holds one app. The process takes invocations, one
after the other, on its standard input and answers on its standard output; what the app logs goes to a file.
"""

import asyncio
import os
import pickle
import struct
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from infra.local.host.errors import StartError
from infra.local.host.messages import TypedData
from infra.local.host.worker import Result, Retry, Worker

ROOT = Path(__file__).resolve().parents[2]
SECONDS_TO_STOP = 30
_LENGTH = struct.Struct(">I")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass(frozen=True)
class Invocation:
    """What the host sends for one call of a function."""

    function: str
    inputs: Mapping[str, TypedData]
    metadata: Mapping[str, TypedData] = field(default_factory=dict)
    retry: Retry = field(default_factory=Retry)


@dataclass(frozen=True)
class Function:
    """A function as the runtime indexed it."""

    name: str
    bindings: list[dict[str, Any]]
    retry: dict[str, Any] | None


@dataclass(frozen=True)
class Done:
    """How an invocation ended, and the HTTP answer if the function gave one."""

    succeeded: bool
    error: str = ""
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class AppProcess:
    """The parent's end: the functions the runtime found, and a way to call them."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self._process, self._log = process, log
        self.functions: list[Function] = []

    @property
    def log_text(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def invoke(self, invocation: Invocation) -> Done:
        """Run one invocation to its end, as the host does."""
        assert self._process.stdin is not None
        _send(self._process.stdin, invocation)
        done = self.read()
        assert isinstance(done, Done), self.log_text
        return done

    def read(self) -> object:
        """The process's next message, None when it has ended."""
        assert self._process.stdout is not None
        return _receive(self._process.stdout)


@contextmanager
def app_process(settings: Mapping[str, str], log: Path, app: Path = ROOT) -> Iterator[AppProcess]:
    """The app in its own process with exactly these settings. Raises StartError with what the runtime says."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        **settings,
    }
    command = [sys.executable, "-m", "tests.functions.app_process", str(app)]
    with log.open("ab") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
    running = AppProcess(process, log)
    try:
        first = running.read()
        if not isinstance(first, list):
            raise StartError(str(first or running.log_text))
        running.functions = first
        yield running
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    """The end of its input is the end of the process."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    finally:
        process.stdout.close()


def _send(pipe: IO[bytes], message: object) -> None:
    data = pickle.dumps(message)
    pipe.write(_LENGTH.pack(len(data)) + data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> object:
    head = pipe.read(_LENGTH.size)
    return pickle.loads(pipe.read(_LENGTH.unpack(head)[0])) if head else None


def _indexed(worker: Worker) -> list[Function]:
    return [
        Function(each.name, list(each.bindings), vars(each.retry_options) if each.retry_options else None)
        for each in worker.functions.values()
    ]


def _done(result: Result) -> Done:
    if not result.succeeded:
        return Done(False, f"{result.error}\n{result.stack_trace}")
    answer = getattr(result.return_value, "http", None)
    if answer is None:
        return Done(True)
    return Done(True, "", int(answer.status_code), dict(answer.headers), getattr(answer.body, "bytes", b""))


async def _serve(app: Path, out: IO[bytes]) -> None:
    try:
        worker = await Worker.load(app)
    except StartError as error:
        _send(out, str(error))
        return
    _send(out, _indexed(worker))
    loop = asyncio.get_running_loop()
    while (asked := await loop.run_in_executor(None, _receive, sys.stdin.buffer)) is not None:
        assert isinstance(asked, Invocation)
        call = worker.invoke(
            asked.function, str(uuid.uuid4()), asked.inputs, asked.metadata, asked.retry, TRACE
        )
        _send(out, _done(await call))
    worker.close()


def main() -> None:
    """Keep standard output for the messages; whatever the app prints goes to the log."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # Under `-m` this module is __main__; messages name it as its parent knows it.
    from tests.functions import app_process as named

    asyncio.run(named._serve(Path(sys.argv[1]), out))


if __name__ == "__main__":
    main()
