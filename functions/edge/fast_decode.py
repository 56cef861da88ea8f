"""EVENT_FAST_DECODE: from the platform's batch to our events, past the library's objects and its dear times.

The library makes an object of every event and tries up to eight formats on every time, about 95 µs an event. Behind
the setting the worker is given a converter that only keeps the batch as it came; it is read in the function's own
thread, in a few steps for all events at once. This way takes only what is plainly usual (whole sequence numbers,
texts, times in UTC); whatever else there is, and every refusal, is left to the library's own decoding.
"""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import azure.functions as func
import msgspec
from azure.functions.eventhub import EventHubTriggerConverter
from azure.functions.meta import Datum

from functions.edge.stream import batch_at, batch_of, properties_of
from shared.runtime import Runtime
from shared.sync.events.contract import Stream
from shared.sync.model import Event, EventBatch

TRIGGER = "eventHubTrigger"
# The releases whose decoding this was compared with; any other decodes for itself.
KNOWN_RELEASES = ("1.26.", "2.3.")
_SYSTEM = "SystemPropertiesArray"
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,7})?)(?:Z|[+-]00:00)?", re.ASCII)
# Of a geo-replicated namespace, such as 3:512:17.
_TEXT_OFFSET = re.compile(r"[!-~]{1,100}", re.ASCII)
_TO_THE_MILLISECOND = len("2026-11-23T11:59:58.250")


class _Place(msgspec.Struct, gc=False, rename="pascal"):
    """What the hub says of one event. A fraction is read as one, so that it is seen and not taken for a number."""

    sequence_number: int | float
    enqueued_time_utc: str
    offset: str | int | float | None = None
    partition_key: str | None = None


_PLACES = msgspec.json.Decoder(list[_Place])


class Unusual(ValueError):
    """Something the fast way does not take; the library decides."""


# What reading a batch may raise where the library may well succeed, or fail in its own words.
_LEFT_TO_THE_LIBRARY = (
    msgspec.MsgspecError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A batch of events as the worker received it, not decoded yet."""

    data: Datum
    metadata: Mapping[str, Datum]

    def __len__(self) -> int:
        return len(self.data.value.bytes)

    def batch(self, stream: Stream) -> EventBatch:
        """Our batch. Raises what the library's own decoding raises."""
        try:
            place, events = self._usual()
        except _LEFT_TO_THE_LIBRARY:
            return batch_of(stream, _by_the_library(self.data, self.metadata))
        return batch_at(stream, place, events)

    def _usual(self) -> tuple[Mapping[str, Any], list[Event]]:
        metadata = {name: datum.python_value for name, datum in self.metadata.items() if name != _SYSTEM}
        places = _PLACES.decode(self.metadata[_SYSTEM].value)
        if {type(place.sequence_number) for place in places} != {int}:
            raise Unusual("sequence numbers")
        # Events of one moment stand together; each distinct text is read once.
        instants = {text: _instant(text) for text in {place.enqueued_time_utc for place in places}}
        rows = zip(self.data.value.bytes, places, properties_of(metadata, len(places)), strict=True)
        events = [
            Event(
                body,
                int(place.sequence_number),
                instants[place.enqueued_time_utc],
                _offset(place.offset),
                place.partition_key,
                properties or {},
            )
            for body, place, properties in rows
        ]
        return metadata["PartitionContext"], events


def _by_the_library(data: Datum, metadata: Mapping[str, Datum]) -> list[func.EventHubEvent]:
    decoded = EventHubTriggerConverter.decode(data, trigger_metadata=metadata)
    return decoded if isinstance(decoded, list) else [decoded]


def _instant(text: str) -> datetime:
    """The platform's UTC, with or without saying so, to the millisecond."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise Unusual("enqueued time")
    return datetime.fromisoformat(found[1][:_TO_THE_MILLISECOND]).replace(tzinfo=UTC)


def _offset(value: str | float | None) -> str:
    """The library reads offsets as whole numbers, and our edge writes nought and none as an empty text.

    Where it would refuse a text, as geo-replicated namespaces have them, the text is kept: an offset names, it does
    not count.
    """
    if value is None:
        return ""
    if isinstance(value, float):
        raise Unusual("offset")
    try:
        return str(int(value) or "")
    except ValueError:
        if isinstance(value, str) and _TEXT_OFFSET.fullmatch(value):
            return value
        raise


class LateConverter(EventHubTriggerConverter, binding=None, trigger=True):
    """Keeps a batch of bytes as it came; decodes everything else, and what holds no event, as the library does."""

    @classmethod
    def decode(cls, data: Datum, *, trigger_metadata: Mapping[str, Datum]) -> Any:
        many = cls._is_cardinality_many(trigger_metadata) and not cls._is_cardinality_one(trigger_metadata)
        if many and data.type == "collection_bytes" and data.value.bytes:
            return Delivery(data, trigger_metadata)
        return super().decode(data, trigger_metadata=trigger_metadata)


def choose_decode(runtime: Runtime, release: str = func.__version__) -> None:
    """Give the worker the converter the setting names; where anything is not as we know it, the library's own.

    Never fails the start: events decoded slowly are better than none.
    """
    registry: Any = func.get_binding_registry()  # type: ignore[no-untyped-call]
    reason = ""
    if runtime.settings.event_fast_decode:
        reason = doubt(release, registry)
        runtime.telemetry.event("start", event_decode="library" if reason else "fast", reason=reason)
    if runtime.settings.event_fast_decode and not reason:
        registry._bindings[TRIGGER] = LateConverter
    elif registry.get(TRIGGER) is LateConverter:
        registry._bindings[TRIGGER] = EventHubTriggerConverter


def doubt(release: str, registry: Any) -> str:
    """Why the library's converter must stay: another release, other names, or two different answers; else empty."""
    if not release.startswith(KNOWN_RELEASES):
        return f"azure-functions {release} was not compared"
    bindings = getattr(registry, "_bindings", None)
    known = (EventHubTriggerConverter, LateConverter)
    if not isinstance(bindings, dict) or bindings.get(TRIGGER) not in known:
        return f"{TRIGGER} is not registered as usual"
    if list(inspect.signature(EventHubTriggerConverter.decode).parameters) != ["data", "trigger_metadata"]:
        return "the converter takes other parameters"
    return "" if _agree() else "the two ways give different events"


def _agree() -> bool:
    """One small batch through both ways."""
    data = Datum(SimpleNamespace(bytes=[b"{}", b""]), "collection_bytes")
    system = (
        '[{"SequenceNumber":7,"Offset":"512","PartitionKey":"k","EnqueuedTimeUtc":"2026-11-23T11:59:58.1239999"},'
        '{"SequenceNumber":8,"Offset":"0","PartitionKey":null,"EnqueuedTimeUtc":"2026-11-23T11:59:58Z"}]'
    )
    context = '{"EventHubName":"hub","ConsumerGroup":"group","PartitionId":"0"}'
    texts = {"PartitionContext": context, "PropertiesArray": '[{"a":1},null]', _SYSTEM: system}
    metadata = {name: Datum(text, "json") for name, text in texts.items()}
    try:
        slow = batch_of("ledger", _by_the_library(data, metadata))
        return batch_at("ledger", *Delivery(data, metadata)._usual()) == slow
    except (*_LEFT_TO_THE_LIBRARY, AssertionError):
        return False
