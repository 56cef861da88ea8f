"""Write what a batch said: upsert, classify, findings. One batch's part of the ingest transaction."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from operator import lt

from sqlalchemy import Connection

from shared.pairing.model import belongs_to_order
from shared.pairing.store import Repaired
from shared.sync import store
from shared.sync.events.contract import Stream
from shared.sync.model import BatchResult, Outcome, Record, Reduced, greatest_per_key
from shared.sync.read_batch import ReadBatch, site_column, time_column
from shared.sync.statements import APPLIED_IN_CONFLICT, REVISION_MOVED

# One letter per event, in the order of precedence: of a split event's records the smallest letter counts.
LETTERS = {outcome: ord("0") + place for place, outcome in enumerate(Outcome)}
UNTOLD = ord("9")


@dataclass
class Written:
    """A batch on its way through the transaction: outcomes so far, what to note, which pairs to repair."""

    read: ReadBatch
    position: store.Position
    letters: bytearray
    records: Counter[Outcome] = field(default_factory=Counter)
    findings: list[tuple[str, Record, dict[str, object]]] = field(default_factory=list)
    orders: set[str] = field(default_factory=set)

    @classmethod
    def begun(cls, read: ReadBatch, position: store.Position) -> "Written":
        """Nothing told yet but what reading itself refused."""
        letters = bytearray([UNTOLD]) * len(read.batch.events)
        if read.rejections:
            numbers = [event.sequence_number for event in read.batch.events]
            for rejection in read.rejections:
                letters[numbers.index(rejection.event.sequence_number)] = LETTERS[Outcome.DEAD_LETTERED]
        return cls(read, position, letters)

    def note(self, records: Sequence[Record], outcome: Outcome) -> None:
        """Say what became of records; their events take the first of applied, superseded, duplicate any had."""
        self.records[outcome] += len(records)
        letters, letter = self.letters, LETTERS[outcome]
        for record in records:
            if letter < letters[record.event_index]:
                letters[record.event_index] = letter


def write_records(
    connection: Connection, read: ReadBatch, position: store.Position, now: datetime
) -> Written:
    """Upsert the greatest revision per key, in key order, and say what became of every record."""
    written = Written.begun(read, position)
    reduced = greatest_per_key(read.records)
    for record, outcome in reduced.losers:
        written.note([record], outcome)
    written.findings += [("REVISION_CONFLICT", record, _stated(record)) for record in reduced.conflicts]
    if reduced.winners:
        _write_winners(connection, written, reduced, now)
    return written


def _write_winners(connection: Connection, written: Written, reduced: Reduced, now: datetime) -> None:
    stream = written.read.batch.stream
    winners = [reduced.winners[key] for key in sorted(reduced.winners)]
    groups = store.upsert_records(connection, stream, winners, written.position.position_id, now)
    for group in groups:
        _note_group(written, reduced, group)
    changed = sum(len(group.keys) for group in groups)
    if changed < len(winners):
        keys = set(chain.from_iterable(group.keys for group in groups))
        _note_unchanged(connection, written, [r for r in winners if r.key not in keys])


def _note_group(written: Written, reduced: Reduced, group: store.UpsertGroup) -> None:
    records = [reduced.winners[key] for key in group.keys]
    if group.change == REVISION_MOVED:
        written.note(records, Outcome.DUPLICATE)
        return
    written.note(records, Outcome.APPLIED)
    written.orders.update(_orders_of(written.read.batch.stream, records))
    if group.previous_related_id:
        written.orders.add(group.previous_related_id)
    if group.change == APPLIED_IN_CONFLICT:
        written.findings += [("REVISION_CONFLICT", record, _stated(record)) for record in records]
    if group.previous_site_id:
        column, before = site_column(written.read.batch.stream), group.previous_site_id
        written.findings += [("SITE_CHANGED", r, {"from": before, "to": r.business[column]}) for r in records]


def _note_unchanged(connection: Connection, written: Written, records: list[Record]) -> None:
    verdicts = store.classify_unchanged(connection, written.read.batch.stream, records)
    for record in records:
        same, conflict = verdicts[record.key]
        written.note([record], Outcome.DUPLICATE if same else Outcome.SUPERSEDED)
        if conflict:
            written.findings.append(("REVISION_CONFLICT", record, _stated(record)))


def _orders_of(stream: Stream, records: list[Record]) -> list[str]:
    if stream == "payment_order":
        return [record.key for record in records]
    return [r.business[6] for r in records if belongs_to_order(r.business[6], r.business[7])]


def _stated(record: Record) -> dict[str, object]:
    revision = record.revision
    return {
        "updated_at": revision.updated_at or None,
        "version": revision.version if revision.version >= 0 else None,
    }


def settle(connection: Connection, written: Written, profile: str, now: datetime) -> store.Counted:
    """Store dead letters and findings, and move the position: the last writes of a batch's transaction."""
    read, position = written.read, written.position
    if read.rejections:
        store.insert_dead_letters(connection, read.batch, position.generation, read.rejections, profile, now)
    note_findings(connection, written, now)
    facts = position_facts(written, now)
    numbers, letters = told(written)
    return store.advance_position(
        connection, position.position_id, store.Told(numbers, letters, read.repeated), facts
    )


def position_facts(written: Written, now: datetime) -> dict[str, object]:
    """What a batch says to its position beside its numbers: times, and counts of records."""
    read = written.read
    return {
        "now": now,
        "last_enqueued_at": max([event.enqueued_at for event in read.batch.events]),
        "newest_event_at": _newest_event_at(written),
        "site_times": json.dumps(read.site_times),
        **{f"records_{outcome}": written.records[outcome] for outcome in store.RECORD_OUTCOMES},
    }


def note_findings(connection: Connection, written: Written, now: datetime) -> None:
    """Keep what was observed on the way."""
    if written.findings:
        stream, position_id = written.read.batch.stream, written.position.position_id
        store.insert_findings(connection, stream, position_id, written.findings, now)


def told(written: Written) -> tuple[Sequence[int], bytes]:
    """The batch's distinct sequence numbers, ascending, and the letter of each one's outcome."""
    numbers = [event.sequence_number for event in written.read.batch.events]
    if UNTOLD not in written.letters and all(map(lt, numbers, numbers[1:])):
        return numbers, bytes(written.letters)
    pairs = sorted(
        (n, letter) for n, letter in zip(numbers, written.letters, strict=True) if letter != UNTOLD
    )
    return [number for number, _ in pairs], bytes(letter for _, letter in pairs)


def _newest_event_at(written: Written) -> str | None:
    """The newest least(event_time, enqueued_at): how new the business facts are, whatever the producer's clock."""
    column = time_column(written.read.batch.stream)
    records = written.read.records
    newest = max([min(r.business[column], r.revision.enqueued_at) for r in records], default="")
    return newest + "Z" if newest else None


def result_of(written: Written, counted: store.Counted, pairs: Repaired) -> BatchResult:
    """The batch's account, for the log line and the metrics."""
    batch = written.read.batch
    return BatchResult(
        stream=batch.stream,
        hub=batch.hub,
        partition_id=batch.partition_id,
        events=dict(zip(Outcome, counted[: len(Outcome)], strict=True)),
        redelivered=counted.redelivered,
        records=written.records,
        dead_letters=Counter(rejection.error.code for rejection in written.read.rejections),
        conflicts=sum(kind == "REVISION_CONFLICT" for kind, _, _ in written.findings),
        pairs_touched=pairs.touched,
        completed_after_seconds=pairs.completed_after_seconds,
    )
