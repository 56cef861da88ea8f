"""Event Hub triggers: the platform's batch in, our EventBatch out. No rule about events lives here."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

import azure.functions as func

from shared.runtime import Runtime
from shared.sync.events.contract import Stream
from shared.sync.ingest_events import ingest_events
from shared.sync.model import Event, EventBatch


class Undecoded(Protocol):
    """A batch the worker handed over as it came, see fast_decode."""

    def __len__(self) -> int: ...

    def batch(self, stream: Stream) -> EventBatch: ...


def prepare_decode(runtime: Runtime) -> None:
    """Before the functions are declared: the fast decode, where EVENT_FAST_DECODE asks for it.

    It is built on parts of the library; where they are gone the library decodes, and the start goes on.
    """
    if not runtime.settings.event_fast_decode:
        return
    try:
        from functions.edge.fast_decode import choose_decode
    except (ImportError, AttributeError, TypeError) as error:
        runtime.telemetry.event("start", event_decode="library", reason=str(error))
        return
    choose_decode(runtime)


def take(runtime: Runtime, stream: Stream, events: Sequence[func.EventHubEvent] | Undecoded) -> None:
    """Ingest one delivered batch and record how long it took. Raises when we are unwell: the platform retries.

    A batch without events is nothing to do; failing on it would hold the partition for ever.
    """
    if not events:
        return
    started = time.perf_counter()
    batch = batch_of(stream, events) if isinstance(events, Sequence) else events.batch(stream)
    ingest_events(runtime, [batch])
    runtime.telemetry.metric("batch_seconds", time.perf_counter() - started, stream=stream)
    runtime.telemetry.metric("batch_events", len(events), stream=stream)


def batch_of(stream: Stream, events: Sequence[func.EventHubEvent]) -> EventBatch:
    """The batch with its place; metadata is shared by all events of a call and stands on each of them."""
    metadata: dict[str, Any] = dict(events[0].metadata or {})
    place = metadata["PartitionContext"]
    pairs = zip(events, properties_of(metadata, len(events)), strict=True)
    return batch_at(stream, place, [_event(event, own) for event, own in pairs])


def batch_at(stream: Stream, place: Mapping[str, Any], events: list[Event]) -> EventBatch:
    """Events with the place the call's metadata names."""
    return EventBatch(
        stream=stream,
        hub=place["EventHubName"],
        consumer_group=place["ConsumerGroup"],
        partition_id=str(place["PartitionId"]),
        events=events,
    )


def properties_of(metadata: Mapping[str, Any], count: int) -> Sequence[dict[str, Any] | None]:
    """The application properties, event by event; absent where no event has any."""
    return metadata.get("PropertiesArray") or [None] * count


def _event(event: func.EventHubEvent, properties: dict[str, Any] | None) -> Event:
    if event.sequence_number is None or event.enqueued_time is None:
        raise ValueError("the platform delivered an event without sequence number or enqueued time")
    return Event(
        body=event.get_body(),
        sequence_number=event.sequence_number,
        enqueued_at=_aware(event.enqueued_time),
        offset=str(event.offset or ""),
        partition_key=event.partition_key,
        properties=properties or {},
    )


def _aware(moment: datetime) -> datetime:
    """The platform sends UTC without saying so; the hub's resolution is the millisecond."""
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
