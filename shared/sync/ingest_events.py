"""Ingest: a batch of events becomes rows, pairs, evidence, dead letters and a position, in one transaction.

Bad events become dead letters and their neighbours go on; a failure of ours raises, so that the platform holds the
batch. Lock order: ledger entries → payment orders → pairs → dead letters, findings → positions.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.pairing.store import repair_pairs
from shared.runtime import Runtime
from shared.sync import store
from shared.sync.errors import GenerationSuspect
from shared.sync.events.contract import Defaults
from shared.sync.model import BatchResult, EventBatch
from shared.sync.read_batch import ReadBatch, read_batch, refuse_unknown_sites
from shared.sync.report import report
from shared.sync.write_batch import result_of, settle, write_records


def ingest_events(runtime: Runtime, batches: Sequence[EventBatch]) -> list[BatchResult]:
    """Take batches, at most one per stream, in one transaction; returns one account per batch.

    Raises DatabaseUnavailable, HubUnreachable or DeadLetterConflict; nothing of the batches is stored then.
    """
    now = runtime.clock.now()
    settings = runtime.settings
    defaults = Defaults(settings.event_default_currency, settings.event_default_site_id)
    tolerance = timedelta(seconds=settings.event_time_tolerance_seconds)
    ordered = sorted((b for b in batches if b.events), key=lambda batch: batch.stream)
    reads = [read_batch(batch, defaults, tolerance) for batch in ordered]
    try:
        results = _write(runtime, reads, now, verified=False)
    except GenerationSuspect:
        for read in reads:
            _register(runtime, read.batch, now)
        results = _write(runtime, reads, now, verified=True)
    for read, result in zip(reads, results, strict=True):
        report(runtime.telemetry, read, result)
    return results


def _write(
    runtime: Runtime, reads: Sequence[ReadBatch], now: datetime, *, verified: bool
) -> list[BatchResult]:
    profile = runtime.settings.event_profile
    with runtime.database.transaction() as connection:
        positions = [_position(connection, read, verified=verified) for read in reads]
        written = [write_records(connection, *pair, now) for pair in zip(reads, positions, strict=True)]
        pairs = repair_pairs(connection, sorted(set().union(*(work.orders for work in written))))
        counted = [settle(connection, work, profile, now) for work in written]
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
        generation = store.insert_generation(connection, batch.hub, created_at, now)
        store.insert_position(connection, batch, generation, now)
