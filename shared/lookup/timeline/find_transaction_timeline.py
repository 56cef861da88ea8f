"""A transaction's timeline."""

from dataclasses import dataclass

from shared.corrections.model import TargetType
from shared.lookup.answer import utc_text
from shared.lookup.errors import TransactionNotFound
from shared.lookup.model import pairs_up
from shared.lookup.store import fetch_transaction
from shared.lookup.timeline.answer import TimelineLine, timeline_lines
from shared.lookup.timeline.model import Subjects
from shared.lookup.timeline.read_past import past_of
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionTimelineAnswer:
    """The earliest first. `order_id` is that of the order whose status history is part of it, null where none shows.

    Not complete: of one kind there is more than a timeline holds, and the newest are here.
    """

    tx_id: str
    order_id: str | None
    items: list[TimelineLine]
    is_complete: bool
    as_of: str


def find_transaction_timeline(runtime: Runtime, context: Context, tx_id: str) -> TransactionTimelineAnswer:
    """What happened to the transaction, to its order and to their pair, as far as the caller may see each.

    Raises TransactionNotFound, also for one of a site the caller may not see.
    """
    with recorded_read(runtime, context, (tx_id,)) as reading:
        found = fetch_transaction(reading.connection, tx_id, context.scope)
        if found is None:
            raise TransactionNotFound(tx_id)
        order_id = found.order.order_id if found.order else None
        past = past_of(reading.connection, context, Subjects((tx_id,), (order_id,) if order_id else ()))
        reading.site_id = found.entry.site_id
        pair = found.pair if pairs_up(found.entry) else None
        applied = [(TargetType.LEDGER_ENTRY, tx_id, found.corrections)]
        if order_id:
            applied.append((TargetType.PAYMENT_ORDER, order_id, found.order_corrections))
        items = timeline_lines(past, pair, applied)
        reading.count = len(items)
    return TransactionTimelineAnswer(
        tx_id=tx_id,
        order_id=order_id,
        items=items,
        is_complete=past.is_complete,
        as_of=utc_text(reading.now),
    )
