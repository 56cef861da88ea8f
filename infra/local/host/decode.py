"""SDK events as batch columns. Runs in the receiver process, so that its cost is not the worker's."""

import base64
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec
from azure.eventhub import EventData

from infra.local.host.batch import EventBatch

_SEQUENCE_NUMBER, _OFFSET = b"x-opt-sequence-number", b"x-opt-offset"
_ENQUEUED_TIME, _PARTITION_KEY = b"x-opt-enqueued-time", b"x-opt-partition-key"
_OWN_FIELDS = {_SEQUENCE_NUMBER, _OFFSET, _ENQUEUED_TIME, _PARTITION_KEY}


def event_batch(events: Iterable[EventData]) -> EventBatch:
    """The events in batch columns; each must carry the annotations an Event Hub always sets."""
    batch = EventBatch([], [], [], [], [], [], [])
    for event in events:
        system = event.system_properties
        offset, enqueued = system[_OFFSET].decode(), naive_utc_text(system[_ENQUEUED_TIME])
        key_bytes = system.get(_PARTITION_KEY)
        key = None if key_bytes is None else key_bytes.decode(errors="replace")
        fields = {
            "SequenceNumber": system[_SEQUENCE_NUMBER],
            "Offset": offset,
            "PartitionKey": key,
            "EnqueuedTimeUtc": enqueued,
        }
        for name in system.keys() - _OWN_FIELDS:
            fields[name.decode()] = _plain(system[name])
        batch.bodies.append(event_body(event))
        batch.sequence_numbers.append(system[_SEQUENCE_NUMBER])
        batch.offsets.append(offset)
        batch.enqueued_times.append(enqueued)
        batch.partition_keys.append(key)
        batch.properties.append(json_text(_plain(event.properties)) if event.properties else "{}")
        batch.system_properties.append(json_text(fields))
    return batch


def json_text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def event_body(event: EventData) -> bytes:
    """The body's bytes; several data sections are joined, other body types become their text."""
    body = event.body
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, Iterable):
        sections = list(body)
        if all(isinstance(section, bytes) for section in sections):
            return b"".join(sections)
    return event.body_as_str().encode()


def naive_utc_text(milliseconds: int) -> str:
    """A time as the platform writes it: UTC without a zone mark, no trailing zeros in the fraction."""
    seconds, fraction = divmod(milliseconds, 1000)
    text = _second_text(seconds)
    return f"{text}.{fraction:03d}".rstrip("0") if fraction else text


@lru_cache(maxsize=4096)
def _second_text(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _plain(value: object) -> object:
    """A value JSON can hold: AMQP texts arrive as bytes; bytes that are not text become base64."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {str(_plain(name)): _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
