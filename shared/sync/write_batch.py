"""Write what a batch said: upsert, classify, findings. One batch's part of the ingest transaction."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection

from shared.pairing.model import belongs_to_order
from shared.pairing.store import Repaired
from shared.sync import store
from shared.sync.events.contract import Stream
from shared.sync.model import PRECEDENCE, BatchResult, Outcome, Record, Reduced, greatest_per_key
from shared.sync.read_batch import ReadBatch, site_column
from shared.sync.statements import APPLIED_IN_CONFLICT, REVISION_MOVED

_TIME_COLUMN: dict[Stream, int] = {"ledger": 8, "payment_order": 4}


@dataclass
class Written:
    """A batch on its way through the transaction: outcomes per record, what to note, which pairs to repair."""

    read: ReadBatch
    position: store.Position
    outcomes: list[tuple[Record, Outcome]] = field(default_factory=list)
    findings: list[tuple[str, Record, dict[str, object]]] = field(default_factory=list)
    orders: set[str] = field(default_factory=set)


def write_records(
    connection: Connection, read: ReadBatch, position: store.Position, now: datetime
) -> Written:
    """Upsert the greatest revision per key, in key order, and say what became of every record."""
    written = Written(read, position)
    reduced = greatest_per_key(read.records)
    written.outcomes += reduced.losers
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
        written.outcomes += [(record, Outcome.DUPLICATE) for record in records]
        return
    written.outcomes += [(record, Outcome.APPLIED) for record in records]
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
        written.outcomes.append((record, Outcome.DUPLICATE if same else Outcome.SUPERSEDED))
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
    if written.findings:
        store.insert_findings(connection, read.batch.stream, position.position_id, written.findings, now)
    counts = Counter(outcome for _, outcome in written.outcomes)
    return store.advance_position(
        connection,
        position.position_id,
        event_outcomes(written),
        read.repeated,
        {
            "now": now,
            "last_enqueued_at": max(event.enqueued_at for event in read.batch.events),
            "newest_event_at": _newest_event_at(written),
            **{f"records_{outcome}": counts[outcome] for outcome in PRECEDENCE},
        },
    )


def event_outcomes(written: Written) -> dict[int, Outcome]:
    """Sequence number → outcome; a split event takes the first of applied, superseded, duplicate any record had."""
    events = written.read.batch.events
    outcomes = {r.event.sequence_number: Outcome.DEAD_LETTERED for r in written.read.rejections}
    for record, outcome in written.outcomes:
        number = events[record.event_index].sequence_number
        standing = outcomes.get(number)
        if standing is None or PRECEDENCE.index(outcome) < PRECEDENCE.index(standing):
            outcomes[number] = outcome
    return outcomes


def _newest_event_at(written: Written) -> str | None:
    """The newest least(event_time, enqueued_at): how new the business facts are, whatever the producer's clock."""
    column = _TIME_COLUMN[written.read.batch.stream]
    newest = max((min(r.business[column], r.revision.enqueued_at) for r in written.read.records), default="")
    return newest + "Z" if newest else None


def result_of(written: Written, counted: store.Counted, pairs: Repaired) -> BatchResult:
    """The batch's account, for the log line and the metrics."""
    batch = written.read.batch
    return BatchResult(
        stream=batch.stream,
        hub=batch.hub,
        partition_id=batch.partition_id,
        events=dict(zip(Outcome, counted[:4], strict=True)),
        redelivered=counted.redelivered,
        records=Counter(outcome for _, outcome in written.outcomes),
        dead_letters=Counter(rejection.error.code for rejection in written.read.rejections),
        conflicts=sum(kind == "REVISION_CONFLICT" for kind, _, _ in written.findings),
        pairs_touched=pairs.touched,
        completed_after_seconds=pairs.completed_after_seconds,
    )
