"""The short way of one event: the ordinary way's own statements, run by the server as one call and one transaction.

An event that comes alone is mostly sound, new and applied. Seven round trips then cost more than what they ask for:
measured, they are half of the time. Whatever else the event may be, the call leaves nothing behind and says so, and
the batch goes the ordinary way.
"""

from datetime import datetime

from shared.database.database import call
from shared.database.refusals import RowRefusal, row_refusals
from shared.database.statement import Routine
from shared.pairing import store as pairing
from shared.pairing.model import belongs_to_order
from shared.pairing.store import Repaired
from shared.runtime import Runtime
from shared.sync import store
from shared.sync.events.contract import Stream
from shared.sync.model import BatchResult, Outcome, Record
from shared.sync.read_batch import ReadBatch, site_column
from shared.sync.statements import OneEvent, one_event
from shared.sync.write_batch import Written, position_facts, result_of

_NOWHERE = store.Position(0, 0, None, None)
_COUNTED = store.Counted(applied=1, superseded=0, duplicate=0, dead_lettered=0, redelivered=0)


def _routine(stream: Stream) -> Routine:
    each = OneEvent(
        store.PRELUDE,
        store.STATEMENTS[stream].upsert_one,
        pairing.LOCK_ONE,
        pairing.INSERT_OR_LOCK,
        pairing.RECOMPUTE,
        store.ADVANCE,
    )
    return one_event(f"ingest_one_{stream}", each)


_ROUTINES: dict[Stream, Routine] = {stream: _routine(stream) for stream in store.STATEMENTS}


def ingest_one(runtime: Runtime, read: ReadBatch, now: datetime) -> BatchResult | None:
    """The account of a batch of one event; None when it is not for this way, and nothing was written then."""
    batch = read.batch
    if len(batch.events) != 1 or len(read.records) != 1 or not runtime.settings.database_prepare:
        return None
    (record,), (event,) = read.records, batch.events
    site_id = record.business[site_column(batch.stream)]
    read.site_times = {site_id: record.revision.enqueued_at}
    written = Written.begun(read, _NOWHERE)
    written.note([record], Outcome.APPLIED)
    values = {
        **store.upsert_parameters(batch.stream, [record]),
        **store.told_parameters(store.Told([event.sequence_number], bytes(written.letters), 0)),
        **position_facts(written, now),
        "hub": batch.hub,
        "consumer_group": batch.consumer_group,
        "partition_id": batch.partition_id,
        "number": event.sequence_number,
        "site_id": site_id,
        "orders": (order_id := _order_of(batch.stream, record)),
    }
    try:
        with row_refusals(), runtime.database.statement() as connection:
            rows = call(connection, _ROUTINES[batch.stream], values)
    except RowRefusal:
        # The ordinary way finds out what is wrong with the row, and keeps it.
        rows = []
    if not rows:
        return None
    return result_of(written, _COUNTED, Repaired(int(bool(order_id)), rows[0][0] or []))


def _order_of(stream: Stream, record: Record) -> str:
    """The order whose pair the event may change, empty when there is none."""
    if stream == "payment_order":
        return record.key
    return record.business[6] if belongs_to_order(record.business[6], record.business[7]) else ""
