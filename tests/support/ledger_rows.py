"""Business rows written straight into a database, for tests of readers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Table, insert

from shared.pairing.tables import pairs
from shared.sync.tables import ledger_entries, payment_orders
from tests.support.runtime import NOON

DIGEST = b"\0" * 32


def entry(tx_id: str, wallet_id: str, entry_type: str, **changes: Any) -> dict[str, Any]:
    """A ledger entry of an hour before noon, enqueued 2.6 s and applied 4 s after it happened."""
    happened: datetime = changes.get("event_time", NOON - timedelta(hours=1))
    usual: dict[str, Any] = {
        "tx_id": tx_id,
        "wallet_id": wallet_id,
        "entry_type": entry_type,
        "amount": Decimal("10.50"),
        "amount_signed": None,
        "currency": "KRW",
        "related_id": None,
        "related_type": None,
        "event_time": happened,
        "created_at": happened,
        "site_id": "KR-SEOUL",
        "enqueued_at": happened + timedelta(seconds=2.6),
        "sequence_number": 1,
        "first_ingested_at": happened + timedelta(seconds=4),
        "ingested_at": happened + timedelta(seconds=4),
        "content_digest": DIGEST,
    }
    return {**usual, **changes}


def order(order_id: str, **changes: Any) -> dict[str, Any]:
    made = NOON - timedelta(hours=2)
    usual: dict[str, Any] = {
        "order_id": order_id,
        "amount": Decimal("10.5"),
        "currency": "KRW",
        "status": "Settled",
        "status_group": "SUCCESS",
        "created_at": made,
        "user_id": "u-1",
        "merchant_name": "Corner Shop",
        "merchant_id": "m-1",
        "site_id": "KR-SEOUL",
        "enqueued_at": made,
        "sequence_number": 1,
        "first_ingested_at": made,
        "ingested_at": made,
        "content_digest": DIGEST,
    }
    return {**usual, **changes}


def pair(
    order_id: str, payment: dict[str, Any] | None, receive: dict[str, Any] | None, **changes: Any
) -> dict[str, Any]:
    """The pair row of the given legs."""
    legs = [leg for leg in (payment, receive) if leg]
    state = ("OPEN", "INCOMPLETE", "COMPLETE")[len(legs)]
    first = legs[0] if legs else None
    usual: dict[str, Any] = {
        "order_id": order_id,
        "state": state,
        "anomalies": [],
        "payment_tx_id": payment and payment["tx_id"],
        "receive_tx_id": receive and receive["tx_id"],
        "sender_wallet_id": payment and payment["wallet_id"],
        "receiver_wallet_id": receive and receive["wallet_id"],
        "payment_event_time": payment and payment["event_time"],
        "receive_event_time": receive and receive["event_time"],
        "amount": first and first["amount"],
        "currency": first and first["currency"],
        "site_id": "KR-SEOUL",
        "incomplete_since": NOON if state == "INCOMPLETE" else None,
        "completed_at": NOON if state == "COMPLETE" else None,
    }
    return {**usual, **changes}


def write(
    connection: Connection,
    *,
    entries: Sequence[dict[str, Any]] = (),
    orders: Sequence[dict[str, Any]] = (),
    met: Sequence[dict[str, Any]] = (),
) -> None:
    rows: tuple[tuple[Table, Sequence[dict[str, Any]]], ...] = (
        (ledger_entries, entries),
        (payment_orders, orders),
        (pairs, met),
    )
    for table, values in rows:
        if values:
            connection.execute(insert(table), list(values))


def write_payment(connection: Connection, order_id: str = "o-1") -> None:
    """An order with both of its entries, `<order>-p` of wallet w-1 and `<order>-r` of wallet w-2."""
    payment = entry(f"{order_id}-p", "w-1", "PAYMENT", related_id=order_id, related_type="PAYMENT_ORDER")
    receive = entry(
        f"{order_id}-r", "w-2", "RECEIVE", related_id=order_id, event_time=NOON - timedelta(minutes=59)
    )
    write(
        connection,
        entries=[payment, receive],
        orders=[order(order_id)],
        met=[pair(order_id, payment, receive)],
    )
