"""Events as a hub delivers them, for tests of the sync: bodies, places and batches with short names."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.runtime import Runtime
from shared.sync.events import CONTRACTS
from shared.sync.events.contract import Defaults, Stream
from shared.sync.ingest_events import ingest_events
from shared.sync.model import BatchResult, Event, EventBatch, Outcome
from shared.sync.read_batch import ReadBatch, read_batch
from tests.support.runtime import BASE_SETTINGS, NOON

HUBS: Mapping[Stream, str] = {
    "ledger": BASE_SETTINGS["LEDGER_HUB_NAME"],
    "payment_order": BASE_SETTINGS["PAYMENT_ORDER_HUB_NAME"],
}
CONSUMER_GROUP = "counterfoil"
DEFAULTS = Defaults(BASE_SETTINGS["EVENT_DEFAULT_CURRENCY"], BASE_SETTINGS["EVENT_DEFAULT_SITE_ID"])
TOLERANCE = timedelta(days=1)
# Absent from the body, where a builder would give the field a value.
ABSENT: Any = object()


def ledger_body(tx_id: str, /, **fields: Any) -> dict[str, Any]:
    """A PAYMENT of 10 for order o-1 an hour before noon, changed as told."""
    usual = {
        "tx_id": tx_id,
        "wallet_id": "w-1",
        "entry_type": "PAYMENT",
        "amount": "10",
        "related_id": "o-1",
        "event_time": "2026-11-23T11:00:00Z",
    }
    return _without_absent({**usual, **fields})


def order_body(order_id: str, /, **fields: Any) -> dict[str, Any]:
    """An order of 10, created two hours before noon, changed as told."""
    usual = {
        "order_id": order_id,
        "amount": "10",
        "status": "CREATED",
        "created_at": "2026-11-23T10:00:00Z",
    }
    return _without_absent({**usual, **fields})


def _without_absent(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not ABSENT}


@dataclass(frozen=True)
class Sent:
    """One event and its place; `body` is an object to serialise, or the bytes themselves."""

    stream: Stream
    sequence_number: int
    body: dict[str, Any] | bytes
    partition_id: str = "0"
    enqueued_at: datetime | None = None
    properties: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def event(self) -> Event:
        """Enqueued in the order of the numbers, a second apart, unless told otherwise."""
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return Event(
            body=body,
            sequence_number=self.sequence_number,
            enqueued_at=self.enqueued_at or NOON + timedelta(seconds=self.sequence_number),
            offset=str(self.sequence_number * 64),
            partition_key="key",
            properties=self.properties,
        )


def entry(number: int, tx_id: str = "t-1", *, partition_id: str = "0", **fields: Any) -> Sent:
    """A ledger event with that sequence number."""
    return Sent("ledger", number, ledger_body(tx_id, **fields), partition_id)


def order(number: int, order_id: str = "o-1", *, partition_id: str = "0", **fields: Any) -> Sent:
    """A payment-order event with that sequence number."""
    return Sent("payment_order", number, order_body(order_id, **fields), partition_id)


def batches_of(sent: Sequence[Sent]) -> list[EventBatch]:
    """One batch per stream, events in the order given; they must be of one partition."""
    partitions = {each.partition_id for each in sent}
    assert len(partitions) == 1, "a batch is of one partition"
    found = []
    for stream, hub in HUBS.items():
        events = [each.event() for each in sent if each.stream == stream]
        if events:
            found.append(EventBatch(stream, hub, CONSUMER_GROUP, sent[0].partition_id, events))
    return found


def ingest(runtime: Runtime, *sent: Sent) -> list[BatchResult]:
    """Take the events in one transaction."""
    return ingest_events(runtime, batches_of(sent))


def outcomes(results: Sequence[BatchResult]) -> dict[str, int]:
    """What came of the events of a call, all streams together; outcomes that did not occur are left out."""
    counts = {str(outcome): sum(r.events[outcome] for r in results) for outcome in Outcome}
    counts["redelivered"] = sum(r.redelivered for r in results)
    return {name: count for name, count in counts.items() if count}


def read(*sent: Sent) -> ReadBatch:
    """Read the events of one stream without a database."""
    (batch,) = batches_of(sent)
    return read_batch(batch, DEFAULTS, TOLERANCE)


@dataclass(frozen=True)
class Verdict:
    """What the reader made of one body: its canonical texts by column, or the code and field of the refusal."""

    code: str | None = None
    field: str | None = None
    columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    updated_at: str = ""
    version: int = -1
    correlation_id: str = ""
    digest: bytes = b""


def verdict_on(body: dict[str, Any] | bytes, stream: Stream = "ledger", **sent: Any) -> Verdict:
    """Read one event of that body, enqueued a second after noon."""
    found = read(Sent(stream, 1, body, **sent))
    if found.rejections:
        error = found.rejections[0].error
        return Verdict(error.code, error.field)
    (record,) = found.records
    names = next(c for c in CONTRACTS if c.stream == stream).business_columns
    return Verdict(
        columns=dict(zip(names, record.business, strict=True)),
        updated_at=record.revision.updated_at,
        version=record.revision.version,
        correlation_id=record.correlation_id,
        digest=record.revision.digest,
    )
