"""Look-up of one payment order with its pair and its ledger entries."""

from dataclasses import dataclass

from shared.database.cursor import CursorSigner
from shared.lookup.answer import (
    OrderAnswer,
    PairAnswer,
    TransactionLine,
    order_answer,
    pair_answer,
    transaction_lines,
    utc_text,
)
from shared.lookup.errors import OrderNotFound
from shared.lookup.model import place_of
from shared.lookup.store import fetch_order_and_pair, list_by_order
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


@dataclass(frozen=True, slots=True)
class EntriesPage:
    """The order's entries, newest first; `next` is the cursor of the following page."""

    items: list[TransactionLine]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrderAnswer:
    """`order` is None while only entries of the order have arrived, or the caller may not see it."""

    order_id: str
    order: OrderAnswer | None
    pair: PairAnswer | None
    pairing_status: str
    entries: EntriesPage
    as_of: str


def find_payment_order(
    runtime: Runtime, context: Context, order_id: str, *, limit: int, cursor: str | None = None
) -> PaymentOrderAnswer:
    """The order, its pair and up to `limit` of its entries, all of one instant, as far as the caller may see them.

    Raises OrderNotFound when the caller may see neither the order nor an entry of it, and CursorInvalid.
    """
    signer = CursorSigner(runtime.settings.cursor_signing_key, "payment-orders", {"order_id": order_id})
    with recorded_read(runtime, context, (order_id,)) as reading:
        after = None if cursor is None else place_of(signer.read(cursor))
        found = fetch_order_and_pair(reading.connection, order_id, context.scope)
        if found is None:
            raise OrderNotFound(order_id)
        # One entry more than asked for tells whether another page follows.
        entries = list_by_order(reading.connection, order_id, context.scope, after=after, limit=limit + 1)
        page = entries[:limit]
        reading.count = len(page) + (found.order is not None)
        reading.site_id = found.order.site_id if found.order else None
    sees = context.caller.sees
    following = signer.sign(page[-1].place) if len(entries) > limit else None
    return PaymentOrderAnswer(
        order_id=order_id,
        order=order_answer(found.order, found.corrections, sees) if found.order else None,
        pair=pair_answer(found.pair) if found.pair else None,
        pairing_status=found.pair.state if found.pair else "UNKNOWN",
        entries=EntriesPage(transaction_lines(page, sees), following),
        as_of=utc_text(reading.now),
    )
