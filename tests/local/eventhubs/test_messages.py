"""Events keep the producer's bytes and gain the service's annotations."""

import pytest
from azure.eventhub._pyamqp._decode import decode_payload
from hypothesis import given
from hypothesis import strategies as st

from infra.local.eventhubs import encoding as enc
from infra.local.eventhubs.errors import DecodeError
from infra.local.eventhubs.messages import BATCH_FORMAT, Event, Place, read_event, read_transfer, stored_form
from tests.support.amqp_client import message

PLACE = Place(sequence=41, offset=1234, enqueued_ms=1_700_000_000_000)
OWN = enc.mapping(
    *(enc.symbol("x-opt-partition-key"), enc.string("order-1")),
    *(enc.symbol("x-opt-sequence-number"), enc.int64(-5)),
    *(enc.symbol("x-mine"), enc.listed(enc.uint(7), enc.string("kept"))),
)


def test_system_annotations_are_ours_and_own_ones_stay() -> None:
    stored = decode_payload(memoryview(stored_form(read_event(message(b"x", OWN), None), PLACE)))
    assert stored.message_annotations == {
        b"x-opt-sequence-number": 41,
        b"x-opt-offset": b"1234",
        b"x-opt-enqueued-time": 1_700_000_000_000,
        b"x-opt-partition-key": b"order-1",
        b"x-mine": [7, b"kept"],
    }
    assert stored.data == [b"x"]


def test_header_and_delivery_annotations_end_here() -> None:
    hop = enc.described(0x70, enc.listed(enc.TRUE)) + enc.described(0x71, enc.mapping())
    assert read_event(hop + message(b"x"), None) == Event(None, (), message(b"x"))


@given(st.binary(max_size=400), st.text(max_size=20))
def test_the_body_is_kept_byte_for_byte(body: bytes, text: str) -> None:
    rest = enc.described(0x74, enc.mapping(enc.string("k"), enc.string(text))) + message(body)
    assert stored_form(read_event(rest, "key"), PLACE).endswith(rest)


def test_a_batch_gives_its_events_its_key() -> None:
    key = enc.mapping(enc.symbol("x-opt-partition-key"), enc.string("batch"))
    inner = [message(b"one"), message(b"two", OWN)]
    batch = enc.described(0x72, key) + b"".join(enc.described(0x75, enc.binary(raw)) for raw in inner)
    events = read_transfer(batch, BATCH_FORMAT)
    assert [event.partition_key for event in events] == ["batch", "batch"]
    assert [event.body for event in events] == [message(b"one"), message(b"two")]


@given(st.integers(1, 60))
def test_a_message_cut_off_is_refused(cut: int) -> None:
    whole = message(b"body" * 4, OWN)
    with pytest.raises(DecodeError):
        read_event(whole[:-cut] if cut < len(whole) else b"", None)


@pytest.mark.parametrize(
    ("raw", "message_format"),
    [
        (b"", 0),
        (b"plain text", 0),
        (enc.described(0x70, enc.listed()), 0),
        (enc.described(0x14, enc.listed()), 0),
        (enc.described(0x72, enc.listed()) + message(b"x"), 0),
        (message(b"not a message"), BATCH_FORMAT),
        (enc.described(0x75, enc.string("text")), BATCH_FORMAT),
        (enc.described(0x72, enc.mapping()), BATCH_FORMAT),
    ],
)
def test_what_is_no_message_is_refused(raw: bytes, message_format: int) -> None:
    with pytest.raises(DecodeError):
        read_transfer(raw, message_format)
