"""The look-ups' SQL: every transaction comes with its order and its pair in the same statement.

Lists are read by key, newest first (event_time descending, then tx_id): `event_time <= X AND (event_time < X OR
tx_id > Y)`, because the mixed order rules a plain row comparison out. Each function needs one statement.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from shared.database.database import driver
from shared.lookup.model import Entry, Order, Pair, Place, Transaction, WalletFilter

_ENTRY = tuple(Entry.__dataclass_fields__)
_ORDER = tuple(Order.__dataclass_fields__)
_PAIR = tuple(Pair.__dataclass_fields__)
_ORDER_AT = len(_ENTRY)
_PAIR_AT = _ORDER_AT + len(_ORDER)


def _columns(alias: str, names: Sequence[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


_FOLLOWS_ORDER = "(e.related_type IS NULL OR e.related_type = 'PAYMENT_ORDER')"
_TRANSACTION = f"""
SELECT {_columns("e", _ENTRY)}, {_columns("o", _ORDER)}, {_columns("p", _PAIR)}
FROM ledger_entries e
LEFT JOIN payment_orders o ON o.order_id = e.related_id AND {_FOLLOWS_ORDER}
LEFT JOIN pairs p ON p.order_id = e.related_id AND {_FOLLOWS_ORDER}
WHERE """
_BY_TX_ID = _TRANSACTION + "e.tx_id = %s"
_BY_ORDER_ID = f"""
SELECT {_columns("o", _ORDER)}, {_columns("p", _PAIR)}
FROM (VALUES (%s::text)) AS asked (order_id)
LEFT JOIN payment_orders o ON o.order_id = asked.order_id COLLATE "C"
LEFT JOIN pairs p ON p.order_id = asked.order_id COLLATE "C"
"""
_AFTER = "e.event_time <= %(after_time)s AND (e.event_time < %(after_time)s OR e.tx_id > %(after_tx_id)s)"
_NEWEST_FIRST = " ORDER BY e.event_time DESC, e.tx_id LIMIT %(limit)s"


_FILTERS = {
    "since": "e.event_time >= %(since)s",
    "until": "e.event_time <= %(until)s",
    "entry_type": "e.entry_type = %(entry_type)s",
    "status_group": "o.status_group = %(status_group)s",
}


def fetch_transaction(connection: Connection, tx_id: str) -> Transaction | None:
    """An entry with its order and pair; None when we hold no such entry."""
    row = driver(connection).execute(_BY_TX_ID, (tx_id,), prepare=True).fetchone()
    return None if row is None else _transaction(row)


def fetch_order_and_pair(connection: Connection, order_id: str) -> tuple[Order | None, Pair | None]:
    """Each of the two, None where it does not exist."""
    row = driver(connection).execute(_BY_ORDER_ID, (order_id,), prepare=True).fetchone() or ()
    return _order(row[: len(_ORDER)]), _pair(row[len(_ORDER) :])


def list_by_order(
    connection: Connection, order_id: str, *, after: Place | None, limit: int
) -> list[Transaction]:
    """The entries that point to an order, newest first, at most `limit`."""
    conditions = ["e.related_id = %(order_id)s", _FOLLOWS_ORDER]
    return _list(connection, conditions, {"order_id": order_id}, after, limit)


def list_by_wallet(
    connection: Connection, wallet_id: str, wanted: WalletFilter, *, after: Place | None, limit: int
) -> list[Transaction]:
    """A wallet's entries that pass the filter, newest first, at most `limit`."""
    values = {name: getattr(wanted, name) for name in _FILTERS}
    given = {name: value for name, value in values.items() if value is not None}
    conditions = ["e.wallet_id = %(wallet_id)s", *(_FILTERS[name] for name in given)]
    return _list(connection, conditions, {"wallet_id": wallet_id, **given}, after, limit)


def _list(
    connection: Connection,
    conditions: list[str],
    values: Mapping[str, object],
    after: Place | None,
    limit: int,
) -> list[Transaction]:
    parameters = {**values, "limit": limit}
    if after is not None:
        conditions = [*conditions, _AFTER]
        parameters.update(after_time=after.event_time, after_tx_id=after.tx_id)
    statement = _TRANSACTION + " AND ".join(conditions) + _NEWEST_FIRST
    return [_transaction(row) for row in driver(connection).execute(statement, parameters)]


def _transaction(row: Sequence[Any]) -> Transaction:
    return Transaction(Entry(*row[:_ORDER_AT]), _order(row[_ORDER_AT:_PAIR_AT]), _pair(row[_PAIR_AT:]))


def _order(columns: Sequence[Any]) -> Order | None:
    """A missing order is a row of nulls: its key comes first."""
    return None if not columns or columns[0] is None else Order(*columns)


def _pair(columns: Sequence[Any]) -> Pair | None:
    return None if not columns or columns[0] is None else Pair(*columns)
