"""Frames survive any cut of the byte stream; sizes that cannot be are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.eventhubs.decoding import decode
from infra.local.eventhubs.errors import Condition
from infra.local.eventhubs.frames import AMQP_HEADER, Frame, FrameReader, ProtocolHeader, frame
from infra.local.eventhubs.performatives import TRANSFER, transfer_header
from tests.support.amqp_client import refusal


def _reader() -> FrameReader:
    reader = FrameReader()
    reader.expects_header = False
    return reader


@given(
    st.lists(st.tuples(st.integers(0, 65_535), st.binary(max_size=50)), min_size=1, max_size=8),
    st.integers(1, 40),
)
def test_any_cut_of_the_stream_gives_the_same_frames(bodies: list[tuple[int, bytes]], size: int) -> None:
    stream = b"".join(frame(channel, body) for channel, body in bodies)
    reader = _reader()
    seen = [item for at in range(0, len(stream), size) for item in reader.feed(stream[at : at + size])]
    assert seen == [Frame(0, channel, body) for channel, body in bodies]


def test_a_protocol_header_comes_first() -> None:
    reader = FrameReader()
    seen: list[ProtocolHeader | Frame] = []
    for item in reader.feed(AMQP_HEADER + frame(3, b"body")):
        seen.append(item)
        reader.expects_header = False
    assert seen == [ProtocolHeader(AMQP_HEADER), Frame(0, 3, b"body")]


@pytest.mark.parametrize(
    "raw", [b"\x00\x00\x00\x07", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x08\x01\x00\x00\x00"],
    ids=["too small", "too large", "data offset"],
)  # fmt: skip
def test_impossible_frames_are_refused(raw: bytes) -> None:
    with refusal(Condition.FRAMING_ERROR):
        list(_reader().feed(raw))


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.booleans(), st.binary(max_size=20))
def test_transfer_headers_are_whole_transfer_frames(
    handle: int, delivery: int, more: bool, payload: bytes
) -> None:
    raw = transfer_header(5, handle, delivery, len(payload), more) + payload
    (seen,) = _reader().feed(raw)
    assert isinstance(seen, Frame)
    performative, end = decode(seen.body)
    assert (seen.channel, performative.descriptor, seen.body[end:]) == (5, TRANSFER, payload)
    tag = delivery.to_bytes(4, "big")
    expected = [handle, delivery, tag, 0, True, more, None, None, False, False, None]
    assert performative.value == expected
