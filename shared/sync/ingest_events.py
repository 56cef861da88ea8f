"""Ingest: a batch of events becomes rows, pairs, evidence, dead letters and a position, in one transaction.

Bad events become dead letters and their neighbours go on; a failure of ours raises, so that the platform holds the
batch. Lock order: ledger entries → payment orders → pairs → dead letters, findings → positions.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.alerts.store import insert_outbox
from shared.database.refusals import RowRefusal, row_refusals
from shared.pairing.store import repair_pairs
from shared.runtime import Runtime
from shared.sync import store
from shared.sync.errors import GenerationSuspect, RejectFlood
from shared.sync.events.contract import Defaults
from shared.sync.isolate_rows import WAYS, Refused, refuse_rows, refused_rows
from shared.sync.loss.register_hubs import register_hub
from shared.sync.model import BatchResult, EventBatch
from shared.sync.one_event import ingest_one
from shared.sync.read_batch import ReadBatch, read_batch, refuse_unknown_sites
from shared.sync.rejects.refuse_flood import refuse_flood
from shared.sync.report import report
from shared.sync.write_batch import result_of, settle, write_records


def ingest_events(runtime: Runtime, batches: Sequence[EventBatch]) -> list[BatchResult]:
    """Take batches, at most one per stream, in one transaction; returns one account per batch.

    Raises DatabaseUnavailable, HubUnreachable, DeadLetterConflict or RejectFlood; nothing of the batches is stored
    then, and of a flood only its alert.
    """
    now = runtime.clock.now()
    settings = runtime.settings
    defaults = Defaults(settings.event_default_currency, settings.event_default_site_id)
    tolerance = timedelta(seconds=settings.event_time_tolerance_seconds)
    ordered = sorted((b for b in batches if b.events), key=lambda batch: batch.stream)
    reads = [read_batch(batch, defaults, tolerance, settings.event_profile) for batch in ordered]
    if len(reads) == 1 and (result := ingest_one(runtime, reads[0], now)):
        report(runtime.telemetry, reads[0], result, settings.event_profile)
        return [result]
    try:
        results = _write_verified(runtime, reads, now)
    except RejectFlood as flood:
        with runtime.database.transaction() as connection:
            insert_outbox(connection, "ALERT", flood.alert_key, flood.facts, now)
        raise
    for read, result in zip(reads, results, strict=True):
        report(runtime.telemetry, read, result, settings.event_profile)
    return results


def _write_verified(runtime: Runtime, reads: Sequence[ReadBatch], now: datetime) -> list[BatchResult]:
    """Write; where a hub may be a new one, ask it first, and then write."""
    try:
        return _write_sound(runtime, reads, now, verified=False)
    except GenerationSuspect:
        for read in reads:
            _register(runtime, read.batch, now)
        return _write_sound(runtime, reads, now, verified=True)


def _write_sound(
    runtime: Runtime, reads: Sequence[ReadBatch], now: datetime, *, verified: bool
) -> list[BatchResult]:
    """Write; where the database refuses a row, find it and write anew without it.

    Each round takes at least one event out, so the rounds end. A refusal that no event brings about raises.
    """
    while True:
        try:
            return _write(runtime, reads, now, verified=verified)
        except RowRefusal:
            refused = _refused(runtime, reads, now, verified=verified)
            if not any(refused):
                raise
            for read, found in zip(reads, refused, strict=True):
                refuse_rows(read, found)


def _refused(runtime: Runtime, reads: Sequence[ReadBatch], now: datetime, *, verified: bool) -> list[Refused]:
    for write in WAYS:
        with runtime.database.rehearsal() as connection:
            positions = [_position(connection, read, verified=verified) for read in reads]
            refused = refused_rows(connection, reads, positions, write, now)
        if any(refused):
            return refused
    return []


def _write(
    runtime: Runtime, reads: Sequence[ReadBatch], now: datetime, *, verified: bool
) -> list[BatchResult]:
    settings = runtime.settings
    with row_refusals(), runtime.database.transaction() as connection:
        positions = [_position(connection, read, verified=verified) for read in reads]
        for place in zip(reads, positions, strict=True):
            refuse_flood(connection, *place, settings, now)
        written = [write_records(connection, *place, now) for place in zip(reads, positions, strict=True)]
        pairs = repair_pairs(connection, sorted(set().union(*(work.orders for work in written))))
        counted = [settle(connection, work, settings.event_profile, now) for work in written]
    return [result_of(*work, pairs) for work in zip(written, counted, strict=True)]


def _position(connection: Connection, read: ReadBatch, *, verified: bool) -> store.Position:
    """The partition's position; also refuses what belongs to no active site, while we are asking the database."""
    prelude = store.fetch_prelude(connection, read.batch)
    if prelude.position is None:
        raise GenerationSuspect(f"partition {read.batch.partition_id} of {read.batch.hub} is new to us")
    if not verified and _comes_again_later(read.batch, prelude.position):
        raise GenerationSuspect(f"hub {read.batch.hub} repeats a sequence number with a later enqueued time")
    refuse_unknown_sites(read, prelude.active_sites)
    return prelude.position


def _comes_again_later(batch: EventBatch, position: store.Position) -> bool:
    """A number at or below the high-water mark, enqueued after all we have: the sign of a hub made anew."""
    high_water, last = position.high_water, position.last_enqueued_at
    if high_water is None or last is None:
        return False
    return any(e.sequence_number <= high_water and e.enqueued_at > last for e in batch.events)


def _register(runtime: Runtime, batch: EventBatch, now: datetime) -> None:
    created_at = runtime.hubs.created_at(batch.hub)
    with runtime.database.transaction() as connection:
        generation = register_hub(connection, batch.hub, created_at, now)
        store.insert_position(connection, batch, generation, now)
