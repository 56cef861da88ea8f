"""Frames on the wire (sections 2.2 and 2.3) and their reassembly from a byte stream."""

from collections.abc import Iterator
from typing import NamedTuple

from infra.local.eventhubs.encoding import U16, U32
from infra.local.eventhubs.errors import AmqpError, Condition

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
AMQP_FRAME = 0
SASL_FRAME = 1
FRAME_SIZE_MAX = 65_536
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"

_HEADER_SIZE = 8


class ProtocolHeader(NamedTuple):
    """The eight bytes that open each protocol layer (section 2.2)."""

    value: bytes


class Frame(NamedTuple):
    """Type, channel and body of one frame; an empty body is a heartbeat (section 2.4.5)."""

    kind: int
    channel: int
    body: bytes


def frame(channel: int, body: bytes, kind: int = AMQP_FRAME) -> bytes:
    """A frame without extended header (section 2.3.1)."""
    return U32.pack(_HEADER_SIZE + len(body)) + bytes((2, kind)) + U16.pack(channel) + body


class FrameReader:
    """Cuts a byte stream into protocol headers and frames.

    `expects_header` is true at the start and must be set again after the SASL layer (section 5.3.2).
    """

    def __init__(self, size_max: int = FRAME_SIZE_MAX) -> None:
        self.expects_header = True
        self._size_max = size_max
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[ProtocolHeader | Frame]:
        """Everything that is complete after these bytes.

        Raises AmqpError (framing-error) for a size that no frame of this connection can have.
        """
        self._buffer += data
        position = 0
        try:
            while (end := self._end(position)) is not None:
                raw = bytes(self._buffer[position:end])
                position = end
                yield ProtocolHeader(raw) if self.expects_header else _parse(raw)
        finally:
            del self._buffer[:position]

    def _end(self, position: int) -> int | None:
        available = len(self._buffer) - position
        if self.expects_header:
            return position + _HEADER_SIZE if available >= _HEADER_SIZE else None
        if available < U32.size:
            return None
        size = int(U32.unpack_from(self._buffer, position)[0])
        if not _HEADER_SIZE <= size <= self._size_max:
            raise AmqpError(Condition.FRAMING_ERROR, f"A frame of {size} bytes is not allowed here.")
        return position + size if available >= size else None


def _parse(raw: bytes) -> Frame:
    start = raw[4] * 4
    if not _HEADER_SIZE <= start <= len(raw):
        raise AmqpError(Condition.FRAMING_ERROR, "The data offset of a frame is invalid.")
    return Frame(raw[5], int(U16.unpack_from(raw, 6)[0]), raw[start:])
