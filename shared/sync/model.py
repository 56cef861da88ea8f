"""Events, revisions and outcomes: pure data and the rules between them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

from shared.sync.errors import EventRejected
from shared.sync.events.contract import Parsed, Stream


class Outcome(StrEnum):
    """What became of an event whose sequence number had not been received before."""

    APPLIED = "applied"
    SUPERSEDED = "superseded"
    DUPLICATE = "duplicate"
    DEAD_LETTERED = "dead_lettered"


# An event that was split into several records takes the first of these that any record had.
PRECEDENCE = (Outcome.APPLIED, Outcome.SUPERSEDED, Outcome.DUPLICATE)


@dataclass(frozen=True, slots=True)
class Event:
    """One event as the hub delivered it. `enqueued_at` is aware UTC, in milliseconds."""

    body: bytes
    sequence_number: int
    enqueued_at: datetime
    offset: str = ""
    partition_key: str | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Consecutive events of one partition of one hub, read through one consumer group."""

    stream: Stream
    hub: str
    consumer_group: str
    partition_id: str
    events: Sequence[Event]


class Revision(NamedTuple):
    """The total order: compared left to right, an absent part ('' or -1) below any present one.

    Times are canonical texts, whose order is the order of the instants.
    """

    updated_at: str
    version: int
    enqueued_at: str
    sequence_number: int
    digest: bytes


class Record(NamedTuple):
    """One record of a valid event: its key, its revision, and its canonical texts in contract order."""

    key: str
    revision: Revision
    business: Sequence[str]
    correlation_id: str
    event_index: int


def revision_of(parsed: Parsed, enqueued_at: str, sequence_number: int) -> Revision:
    """The revision of an event of a hub; a back-filled record has '' and -1 for what only a hub gives."""
    version = int(parsed.version) if parsed.version else -1
    return Revision(parsed.updated_at, version, enqueued_at, sequence_number, parsed.digest)


def is_conflict(one: Revision, other: Revision) -> bool:
    """Equal (updated_at, version), at least one present, with different content."""
    return one[:2] == other[:2] and one[:2] != ("", -1) and one.digest != other.digest


@dataclass
class Reduced:
    """A batch reduced to the greatest revision per key; what lost inside the batch is already decided."""

    winners: dict[str, Record]
    losers: list[tuple[Record, Outcome]]
    conflicts: list[Record]


def greatest_per_key(records: Iterable[Record]) -> Reduced:
    """Only the greatest revision per key meets the store; equal content counts duplicate, other superseded."""
    winners: dict[str, Record] = {}
    rivals: dict[str, list[Record]] = {}
    for record in records:
        present = winners.setdefault(record.key, record)
        if present is not record:
            rivals.setdefault(record.key, [present]).append(record)
            if record.revision > present.revision:
                winners[record.key] = record
    losers: list[tuple[Record, Outcome]] = []
    conflicts: list[Record] = []
    for key, contenders in rivals.items():
        best = winners[key]
        contenders.sort(key=lambda record: record.revision)
        conflicts += [a for a, b in pairwise(contenders) if is_conflict(a.revision, b.revision)]
        for record in contenders:
            if record is not best:
                same = record.revision.digest == best.revision.digest
                losers.append((record, Outcome.DUPLICATE if same else Outcome.SUPERSEDED))
    return Reduced(winners, losers, conflicts)


@dataclass(frozen=True, slots=True)
class Rejection:
    """An event that becomes a dead letter, and why."""

    event: Event
    error: EventRejected
    correlation_id: str | None


@dataclass(frozen=True)
class BatchResult:
    """What one batch came to. `events` counts distinct new sequence numbers by outcome; redelivered ones apart."""

    stream: Stream
    hub: str
    partition_id: str
    events: Mapping[Outcome, int]
    redelivered: int
    records: Mapping[Outcome, int]
    dead_letters: Mapping[str, int]
    conflicts: int
    pairs_touched: int
    completed_after_seconds: Sequence[float]

    @property
    def received(self) -> int:
        """Events of the batch, redelivered ones included."""
        return sum(self.events.values()) + self.redelivered
