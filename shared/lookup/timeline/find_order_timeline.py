"""A payment order's timeline."""

from dataclasses import dataclass

from shared.corrections.model import TargetType
from shared.lookup.answer import utc_text
from shared.lookup.errors import OrderNotFound
from shared.lookup.store import fetch_order_and_pair, list_by_order
from shared.lookup.timeline.answer import TimelineLine, timeline_lines
from shared.lookup.timeline.model import ENTRIES_MAX, Subjects
from shared.lookup.timeline.read_past import past_of
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTimelineAnswer:
    """The earliest first; `tx_ids` are the entries whose versions are part of it.

    Not complete: there are more entries, or more of one kind, than a timeline holds, and the newest are here.
    """

    order_id: str
    tx_ids: list[str]
    items: list[TimelineLine]
    is_complete: bool
    as_of: str


def find_order_timeline(runtime: Runtime, context: Context, order_id: str) -> OrderTimelineAnswer:
    """What happened to the order, its entries and its pair, as far as the caller may see each.

    Raises OrderNotFound when the caller may see neither the order nor an entry of it.
    """
    with recorded_read(runtime, context, (order_id,)) as reading:
        connection, scope = reading.connection, context.scope
        found = fetch_order_and_pair(connection, order_id, scope)
        if found is None:
            raise OrderNotFound(order_id)
        entries = list_by_order(connection, order_id, scope, after=None, limit=ENTRIES_MAX + 1)
        shown = entries[:ENTRIES_MAX]
        tx_ids = [each.entry.tx_id for each in shown]
        past = past_of(
            connection, context, Subjects(tuple(tx_ids), (order_id,) if found.order is not None else ())
        )
        reading.site_id = found.order.site_id if found.order else None
        applied = [(TargetType.LEDGER_ENTRY, each.entry.tx_id, each.corrections) for each in shown]
        applied.append((TargetType.PAYMENT_ORDER, order_id, found.corrections))
        items = timeline_lines(past, found.pair, applied)
        reading.count = len(items)
    return OrderTimelineAnswer(
        order_id=order_id,
        tx_ids=tx_ids,
        items=items,
        is_complete=past.is_complete and len(entries) <= ENTRIES_MAX,
        as_of=utc_text(reading.now),
    )
