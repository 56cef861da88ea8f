"""Messages (section 3.2): what is read from a published event and the form in which it is kept.

An event is stored ready to send: its system annotations in front, then everything from the properties on,
byte for byte as the producer encoded it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from infra.local.eventhubs import encoding as enc
from infra.local.eventhubs.decoding import decode, skip
from infra.local.eventhubs.errors import DecodeError

HEADER, DELIVERY_ANNOTATIONS, MESSAGE_ANNOTATIONS = 0x70, 0x71, 0x72
PROPERTIES, APPLICATION_PROPERTIES, DATA, VALUE, FOOTER = 0x73, 0x74, 0x75, 0x77, 0x78

BATCH_FORMAT = 0x80013700
"""The message format of a batch: every data section holds one encoded message."""

PARTITION_KEY = "x-opt-partition-key"
SYSTEM_ANNOTATIONS = frozenset(
    ("x-opt-sequence-number", "x-opt-offset", "x-opt-enqueued-time", PARTITION_KEY, "x-opt-publisher")
)

_PREFIX = b"\x00\x53\x72"
_SEQUENCE = enc.symbol("x-opt-sequence-number")
_OFFSET = enc.symbol("x-opt-offset")
_TIME = enc.symbol("x-opt-enqueued-time")
_KEY = enc.symbol(PARTITION_KEY)


class Section(NamedTuple):
    """One section of a message: its descriptor code, where its value starts and where it ends."""

    code: int
    start: int
    end: int


class Event(NamedTuple):
    """A published event before it has a place in a partition."""

    partition_key: str | None
    own_annotations: tuple[bytes, ...]
    body: bytes


class Place(NamedTuple):
    """Where an event lies in its partition."""

    sequence: int
    offset: int
    enqueued_ms: int


def sections(message: bytes) -> Iterator[Section]:
    """The sections in their order. Raises DecodeError if the bytes are not a message."""
    position = 0
    while position < len(message):
        if message[position] != 0 or message[position + 1 : position + 2] not in (b"\x53", b"\x80"):
            raise DecodeError("a message section does not start with a section descriptor")
        code, start = decode(message, position + 1)
        position = skip(message, start)
        if not HEADER <= code <= FOOTER:
            raise DecodeError(f"{code} is no message section")
        yield Section(code, start, position)


def read_transfer(message: bytes, message_format: int) -> list[Event]:
    """The events of one delivery: one, or those of a batch. Raises DecodeError."""
    if message_format != BATCH_FORMAT:
        return [read_event(message, None)]
    key = None
    events = []
    for section in sections(message):
        if section.code == MESSAGE_ANNOTATIONS:
            key = _partition_key(decode(message, section.start)[0])
        elif section.code == DATA:
            inner = decode(message, section.start)[0]
            if not isinstance(inner, bytes):
                raise DecodeError("a data section does not hold binary data")
            events.append(read_event(inner, key))
    if not events:
        raise DecodeError("a batch holds no events")
    return events


def read_event(message: bytes, batch_key: str | None) -> Event:
    """One event; the key of its batch goes before its own. Raises DecodeError."""
    key, body_start, code = batch_key, 0, 0
    annotations: tuple[bytes, ...] = ()
    for code, start, end in sections(message):
        if code == MESSAGE_ANNOTATIONS:
            found, annotations = _annotations(message, start, end)
            key, body_start = batch_key or found, end
        elif code < MESSAGE_ANNOTATIONS:  # the header and delivery annotations live for one hop
            body_start = end
    if code < PROPERTIES:
        raise DecodeError("a message has no body")
    return Event(key, annotations, message[body_start:])


def stored_form(event: Event, place: Place) -> bytes:
    """The event as it is kept and delivered, with the annotations the service adds."""
    system: tuple[bytes, ...] = (
        *(_SEQUENCE, enc.int64(place.sequence), _OFFSET, enc.string(str(place.offset))),
        *(_TIME, enc.timestamp(place.enqueued_ms)),
    )
    if event.partition_key is not None:
        system += (_KEY, enc.string(event.partition_key))
    return _PREFIX + enc.mapping(*system, *event.own_annotations) + event.body


def _annotations(message: bytes, start: int, end: int) -> tuple[str | None, tuple[bytes, ...]]:
    """The partition key, and the producer's own annotations as they were encoded."""
    values, _ = decode(message, start)
    if not isinstance(values, dict):
        raise DecodeError("message annotations are not a map")
    key = _partition_key(values)
    if SYSTEM_ANNOTATIONS.issuperset(values):
        return key, ()
    position = start + (3 if message[start] == 0xC1 else 9)
    kept: list[bytes] = []
    while position < end:
        name, value_start = decode(message, position)
        value_end = skip(message, value_start)
        if name not in SYSTEM_ANNOTATIONS:
            kept += (message[position:value_start], message[value_start:value_end])
        position = value_end
    return key, tuple(kept)


def _partition_key(annotations: object) -> str | None:
    key = annotations.get(PARTITION_KEY) if isinstance(annotations, dict) else None
    return key if isinstance(key, str) and key else None
