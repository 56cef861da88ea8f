"""What the hub keeps, and what its bodies say: envelopes and other names of a field undone, in plain Python."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from azure.eventhub import EventData
from azure.eventhub.aio import EventHubConsumerClient

from infra.local.simulate.oracle import Row, Told

READ_SECONDS = 120.0
_CORRELATION = ("x-correlation-id", "traceparent")
# The first name that is present wins.
_NAMES = {
    "entry_type": ("entry_type", "type"),
    "event_time": ("event_time", "source_created_at", "created_at"),
    "version": ("version", "source_version"),
}


@dataclass(frozen=True)
class Kept:
    """One event as the hub keeps it."""

    stream: str
    hub: str
    partition_id: str
    sequence_number: int
    enqueued_at: datetime
    body: bytes
    properties: Mapping[str, str] = field(default_factory=dict)

    def told(self) -> Told:
        """What the event says; it must be a sound one."""
        correlation = next((self.properties[name] for name in _CORRELATION if name in self.properties), None)
        body = _plain(json.loads(self.body, parse_float=Decimal))
        return Told(self.stream, self.partition_id, self.sequence_number, self.enqueued_at, body, correlation)


def _plain(body: Row) -> Row:
    """The record itself, under the contract's own names, without what is blank."""
    record = body["data"] if "specversion" in body and "data" in body else body
    present = {name: value for name, value in record.items() if value is not None and value != ""}
    for name, others in _NAMES.items() if "tx_id" in present else (("version", _NAMES["version"]),):
        found = [present[other] for other in others if other in present]
        if found:
            present[name] = found[0]
    return present


def read_hub(connection: str, stream: str, hub: str, group: str) -> list[Kept]:
    """Every event the hub keeps, through the official SDK. Raises TimeoutError, or what the SDK raises."""
    return asyncio.run(_read(connection, stream, hub, group))


async def _read(connection: str, stream: str, hub: str, group: str) -> list[Kept]:
    client = EventHubConsumerClient.from_connection_string(
        connection, consumer_group=group, eventhub_name=hub
    )
    async with client:
        ids = await client.get_partition_ids()
        found = await asyncio.gather(*(_read_partition(client, each) for each in ids))
    return [
        _kept(stream, hub, partition_id, event)
        for partition_id, events in zip(ids, found, strict=True)
        for event in events
    ]


async def _read_partition(client: EventHubConsumerClient, partition_id: str) -> Sequence[EventData]:
    properties: dict[str, Any] = await client.get_partition_properties(partition_id)
    if properties["is_empty"]:
        return []
    last: int = properties["last_enqueued_sequence_number"]
    events: list[EventData] = []
    done = asyncio.Event()

    async def on_batch(_context: object, batch: list[EventData]) -> None:
        events.extend(batch)
        if events and (events[-1].sequence_number or 0) >= last:
            done.set()

    receiving = asyncio.create_task(
        client.receive_batch(
            on_batch, partition_id=partition_id, starting_position="-1", max_batch_size=3000, max_wait_time=1
        )
    )
    try:
        await asyncio.wait_for(done.wait(), READ_SECONDS)
    finally:
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
    return events


def _kept(stream: str, hub: str, partition_id: str, event: EventData) -> Kept:
    number, at = event.sequence_number, event.enqueued_time
    assert number is not None
    assert at is not None
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    # The hub counts milliseconds.
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    properties = {_text(name): _text(value) for name, value in (event.properties or {}).items()}
    return Kept(stream, hub, partition_id, number, at, b"".join(event.body), properties)  # type: ignore[arg-type]


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
