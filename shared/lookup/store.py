"""The look-ups' SQL: every transaction comes with its order, its pair and their corrections in the same statement.

Rows outside the scope are not there: the entry asked for, the order joined to it, and what a pair shows of its legs.
Lists are read by key, newest first (event_time descending, then tx_id): `event_time <= X AND (event_time < X OR
tx_id > Y)`, because the mixed order rules a plain row comparison out. Each function needs one statement.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection

from shared.database.database import send
from shared.database.scope import site_condition
from shared.database.statement import Statement
from shared.lookup.model import (
    Applied,
    Entry,
    Order,
    Pair,
    Parts,
    Place,
    Transaction,
    WalletFilter,
    seen_of,
)
from shared.security.model import Scope

_ENTRY = tuple(Entry.__dataclass_fields__)
_ORDER = tuple(Order.__dataclass_fields__)
_PAIR = tuple(Pair.__dataclass_fields__)


def _columns(alias: str, names: Sequence[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)


def _follows_order(alias: str) -> str:
    return f"({alias}.related_type IS NULL OR {alias}.related_type = 'PAYMENT_ORDER')"


def _corrections(target_type: str, target_id: str, digest: str) -> str:
    """What was added beside a row, in order; null where nothing was. Amounts and times travel as texts."""
    return f"""
    (SELECT jsonb_agg(jsonb_build_array(c.correction_id, c.kind, c.amount_delta::text, c.note, c.applied_at,
                                        c.base_digest = {digest}) ORDER BY c.applied_at, c.correction_id)
     FROM correction_entries AS c WHERE c.target_type = '{target_type}' AND c.target_id = {target_id})
    """


def _leg_site(leg: str) -> str:
    """A leg's site: the pair's own, unless the sites differ; then, for who does not see all, the row is asked."""
    return f"""
    CASE WHEN p.anomalies @> '{{SITE_MISMATCH}}' AND NOT %(scope_all)s::boolean
         THEN (SELECT l.site_id FROM ledger_entries AS l WHERE l.tx_id = p.{leg}) ELSE p.site_id END
    """


def _side_seen(anomaly: str, entry_type: str) -> str:
    """How many entries of a side the scope shows, up to two; asked only where there are several."""
    return f"""
    CASE WHEN p.anomalies @> '{{{anomaly}}}' AND NOT %(scope_all)s::boolean THEN (
        SELECT count(*) FROM (
            SELECT FROM ledger_entries AS d
            WHERE d.related_id = p.order_id AND {_follows_order("d")} AND d.entry_type = '{entry_type}'
              AND {site_condition("d.site_id")} LIMIT 2) AS seen) END
    """


_ORDER_AND_PAIR = f"""
{_columns("o", _ORDER)},
CASE WHEN o.order_id IS NOT NULL THEN {_corrections("PAYMENT_ORDER", "o.order_id", "o.content_digest")} END,
{_columns("p", _PAIR)},
{_leg_site("payment_tx_id")}, {_leg_site("receive_tx_id")},
{_side_seen("DUPLICATE_PAYMENT", "PAYMENT")}, {_side_seen("DUPLICATE_RECEIVE", "RECEIVE")}
"""
_TRANSACTION = f"""
SELECT {_columns("e", _ENTRY)}, {_corrections("LEDGER_ENTRY", "e.tx_id", "e.content_digest")}, {_ORDER_AND_PAIR}
FROM ledger_entries AS e
LEFT JOIN payment_orders AS o
    ON o.order_id = e.related_id AND {_follows_order("e")} AND {site_condition("o.site_id")}
LEFT JOIN pairs AS p ON p.order_id = e.related_id AND {_follows_order("e")}
WHERE {site_condition("e.site_id")} AND """
_BY_TX_ID = Statement(_TRANSACTION + "e.tx_id = %(tx_id)s")
# Only where the order does not show is it asked whether an entry of it does.
_BY_ORDER_ID = Statement(f"""
SELECT {_ORDER_AND_PAIR},
    o.order_id IS NOT NULL OR (
        SELECT true FROM ledger_entries AS e WHERE e.related_id = asked.order_id COLLATE "C" AND {_follows_order("e")}
          AND {site_condition("e.site_id")} LIMIT 1) IS NOT NULL
FROM (VALUES (%(order_id)s::text)) AS asked (order_id)
LEFT JOIN payment_orders AS o ON o.order_id = asked.order_id COLLATE "C" AND {site_condition("o.site_id")}
LEFT JOIN pairs AS p ON p.order_id = asked.order_id COLLATE "C"
""")
_AFTER = "e.event_time <= %(after_time)s AND (e.event_time < %(after_time)s OR e.tx_id > %(after_tx_id)s)"
_NEWEST_FIRST = " ORDER BY e.event_time DESC, e.tx_id LIMIT %(limit)s"
_FILTERS = {
    "since": "e.event_time >= %(since)s",
    "until": "e.event_time <= %(until)s",
    "entry_type": "e.entry_type = %(entry_type)s",
    "status_group": "o.status_group = %(status_group)s",
}


class OrderAndPair(NamedTuple):
    """What a scope shows of an order and its pair; each None where it does not exist or show."""

    order: Order | None
    corrections: tuple[Applied, ...]
    pair: Pair | None


def fetch_transaction(connection: Connection, tx_id: str, scope: Scope) -> Transaction | None:
    """An entry with its order and pair; None when we hold no such entry in the scope."""
    rows = send(connection, _BY_TX_ID, {"tx_id": tx_id, **_scope_texts(scope)})
    return _transaction(rows[0], scope) if rows else None


def fetch_order_and_pair(connection: Connection, order_id: str, scope: Scope) -> OrderAndPair | None:
    """The order and its pair; None when the scope shows neither the order nor an entry of it."""
    (row,) = send(connection, _BY_ORDER_ID, {"order_id": order_id, **_scope_texts(scope)})
    return _order_and_pair(row[:-1], scope) if row[-1] else None


def list_by_order(
    connection: Connection, order_id: str, scope: Scope, *, after: Place | None, limit: int
) -> list[Transaction]:
    """The entries that point to an order, newest first, at most `limit`."""
    conditions = ["e.related_id = %(order_id)s", _follows_order("e")]
    return _list(connection, scope, conditions, {"order_id": order_id}, after, limit)


def list_by_wallet(
    connection: Connection,
    wallet_id: str,
    wanted: WalletFilter,
    scope: Scope,
    *,
    after: Place | None,
    limit: int,
) -> list[Transaction]:
    """A wallet's entries that pass the filter, newest first, at most `limit`."""
    values = {name: getattr(wanted, name) for name in _FILTERS}
    given = {name: value for name, value in values.items() if value is not None}
    conditions = ["e.wallet_id = %(wallet_id)s", *(_FILTERS[name] for name in given)]
    return _list(connection, scope, conditions, {"wallet_id": wallet_id, **given}, after, limit)


def _list(
    connection: Connection,
    scope: Scope,
    conditions: list[str],
    values: Mapping[str, object],
    after: Place | None,
    limit: int,
) -> list[Transaction]:
    parameters = {**values, **_scope_texts(scope), "limit": limit}
    if after is not None:
        conditions = [*conditions, _AFTER]
        parameters.update(after_time=after.event_time, after_tx_id=after.tx_id)
    return [_transaction(row, scope) for row in send(connection, _list_of(tuple(conditions)), parameters)]


@lru_cache(maxsize=128)
def _list_of(conditions: tuple[str, ...]) -> Statement:
    """One list's statement; there are as many as there are ways to combine the filters."""
    return Statement(_TRANSACTION + " AND ".join(conditions) + _NEWEST_FIRST)


def _scope_texts(scope: Scope) -> dict[str, object]:
    """The scope's values as they travel with a hot statement; a site may be called NULL, so ids are quoted."""
    sites = ",".join(f'"{each}"' for each in sorted(scope.sites))
    return {"scope_all": str(scope.everything).lower(), "scope_sites": f"{{{sites}}}"}


def _transaction(row: Sequence[Any], scope: Scope) -> Transaction:
    size = len(_ENTRY)
    order, order_corrections, pair = _order_and_pair(row[size + 1 :], scope)
    return Transaction(Entry(*row[:size]), order, pair, _applied(row[size]), order_corrections)


def _order_and_pair(row: Sequence[Any], scope: Scope) -> OrderAndPair:
    """A row that is missing is a row of nulls: its key comes first."""
    at = len(_ORDER)
    order = None if row[0] is None else Order(*row[:at])
    pair_row = row[at + 1 :]
    pair = None
    if pair_row[0] is not None:
        pair = seen_of(Pair(*pair_row[: len(_PAIR)]), Parts(*pair_row[len(_PAIR) :]), scope)
    return OrderAndPair(order, _applied(row[at]), pair)


def _applied(found: Sequence[Sequence[Any]] | None) -> tuple[Applied, ...]:
    return tuple(
        Applied(
            name, kind, None if delta is None else Decimal(delta), note, datetime.fromisoformat(at), current
        )
        for name, kind, delta, note, at, current in found or ()
    )
