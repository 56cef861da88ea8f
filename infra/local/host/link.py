"""The host's end of the receiver process."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from infra.local.host.frames import STREAM_LIMIT, encode, read_message

PROJECT_ROOT = Path(__file__).resolve().parents[3]


class ReceiverProcess:
    """A running receiver; its messages are read one by one, it ends when closed or when this process dies."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls) -> "ReceiverProcess":
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "infra.local.host.receiver",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=PROJECT_ROOT,
            limit=STREAM_LIMIT,
        )
        return cls(process)

    def send(self, message: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(encode(message))

    async def next_message(self) -> Any:
        """The next message, or None when the receiver process has ended."""
        assert self._process.stdout is not None
        return await read_message(self._process.stdout)

    async def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
