"""Request bodies, read with limits: a sink must not fall over what a test or a mistake sends."""

import json
import zlib
from typing import Any

from starlette.requests import Request

BODY_BYTES_MAX = 16 * 1024 * 1024
# Accepts both the gzip and the zlib wrapping.
ANY_WRAPPING = zlib.MAX_WBITS | 32


class BodyRefusedError(Exception):
    """The body is too large or not what its headers say; `status` is the HTTP answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


async def read_body(request: Request) -> bytes:
    """The body, decompressed when its headers say so."""
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > BODY_BYTES_MAX:
            raise BodyRefusedError(413, f"the body is larger than {BODY_BYTES_MAX} bytes")
    if request.headers.get("content-encoding", "identity") in ("gzip", "deflate"):
        return _decompress(bytes(received))
    return bytes(received)


def parse_items(body: bytes) -> list[dict[str, Any]]:
    """The objects of a JSON array, of JSON lines, or a single one."""
    try:
        text = body.decode()
        if text.lstrip().startswith("["):
            items = json.loads(text)
        else:
            items = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (UnicodeDecodeError, ValueError) as failure:
        raise BodyRefusedError(
            400, f"the body is neither a JSON array nor JSON lines: {failure}"
        ) from failure
    if not all(isinstance(item, dict) for item in items):
        raise BodyRefusedError(400, "every item must be a JSON object")
    return list(items)


def _decompress(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(ANY_WRAPPING)
    try:
        unpacked = unpacker.decompress(body, BODY_BYTES_MAX)
    except zlib.error as failure:
        raise BodyRefusedError(400, f"the body is not compressed as its header says: {failure}") from failure
    if unpacker.unconsumed_tail:
        raise BodyRefusedError(413, f"the body is larger than {BODY_BYTES_MAX} bytes")
    return unpacked
