"""Look-up of one payment order with its pair and its ledger entries."""

from dataclasses import dataclass

from shared.lookup.answer import (
    OrderAnswer,
    PairAnswer,
    TransactionLine,
    order_answer,
    pair_answer,
    transaction_lines,
    utc_text,
)
from shared.lookup.cursor import CursorSigner
from shared.lookup.errors import OrderNotFound
from shared.lookup.model import Order, Pair, Place, Transaction
from shared.lookup.store import fetch_order_and_pair, list_by_order
from shared.runtime import Runtime


@dataclass(frozen=True, slots=True)
class EntriesPage:
    """The order's entries, newest first; `next` is the cursor of the following page."""

    items: list[TransactionLine]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrderAnswer:
    """`order` is None while only entries of the order have arrived."""

    order_id: str
    order: OrderAnswer | None
    pair: PairAnswer | None
    pairing_status: str
    entries: EntriesPage
    as_of: str


def find_payment_order(
    runtime: Runtime, order_id: str, *, limit: int, cursor: str | None = None
) -> PaymentOrderAnswer:
    """The order, its pair and up to `limit` of its entries, all of one instant.

    Raises OrderNotFound when neither the order nor an entry of it is known, and CursorInvalid.
    """
    signer = CursorSigner(runtime.settings.cursor_signing_key, "payment-orders", {"order_id": order_id})
    after = None if cursor is None else signer.read(cursor)
    order, pair, entries = _read(runtime, order_id, after, limit)
    if order is None and not entries and after is None:
        raise OrderNotFound(order_id)
    page = entries[:limit]
    more = len(entries) > limit
    return PaymentOrderAnswer(
        order_id=order_id,
        order=order_answer(order) if order else None,
        pair=pair_answer(pair) if pair else None,
        pairing_status=pair.state if pair else "UNKNOWN",
        entries=EntriesPage(transaction_lines(page), signer.sign(page[-1].place) if more else None),
        as_of=utc_text(runtime.clock.now()),
    )


def _read(
    runtime: Runtime, order_id: str, after: Place | None, limit: int
) -> tuple[Order | None, Pair | None, list[Transaction]]:
    """One entry more than asked for tells whether another page follows."""
    with runtime.database.reading() as connection:
        order, pair = fetch_order_and_pair(connection, order_id)
        return order, pair, list_by_order(connection, order_id, after=after, limit=limit + 1)
