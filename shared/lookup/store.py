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
    STATUS_GROUPS,
    Applied,
    Entry,
    ListedOrder,
    ListedPair,
    Order,
    OrderFilter,
    Pair,
    PairFilter,
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
# An id holds no control character, so one of them parts the ids.
_SEPARATOR = "\x1f"
_BY_TX_IDS = Statement(_TRANSACTION + "e.tx_id = ANY (string_to_array(%(tx_ids)s, E'\\x1f'))")
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


_ORDER_FILTERS = {"since": "o.created_at >= %(since)s", "until": "o.created_at <= %(until)s"}
_ORDER_AFTER = (
    "o.created_at <= %(after_time)s AND (o.created_at < %(after_time)s OR o.order_id > %(after_id)s)"
)
_NEWEST_ORDERS = "ORDER BY o.created_at DESC, o.order_id LIMIT %(limit)s"
# Site by site and group by group, so that a page reads a page's worth of each, however rare what is asked for is.
_BROWSED = f"""
SELECT o.* FROM sites AS s CROSS JOIN unnest(%(groups)s::text[]) AS g (status_group) CROSS JOIN LATERAL (
    SELECT o.* FROM payment_orders AS o
    WHERE o.site_id = s.site_id AND o.status_group = g.status_group {{conditions}} {_NEWEST_ORDERS}) AS o
WHERE {site_condition("s.site_id")}
"""
# Site and group are looked at and not sought: a CASE is no way into an index, and without statistics the planner would
# take them for the best one.
_OF_MERCHANT = f"""
(SELECT o.* FROM payment_orders AS o
 WHERE {{merchant}}
   AND CASE WHEN {site_condition("o.site_id")} THEN o.status_group = ANY (%(groups)s::text[]) END {{conditions}}
 {_NEWEST_ORDERS})
"""
_BY_MERCHANT_ID = "o.merchant_id = %(merchant)s"
# What the first branch has found already is left out.
_BY_MERCHANT_NAME = f"""
o.merchant_name = %(merchant)s AND o.merchant_id IS DISTINCT FROM %(merchant)s
AND CASE WHEN {site_condition("o.site_id", "named")} THEN true END
"""
_LISTED_ORDERS = f"""
SELECT {_columns("o", _ORDER)}, {_corrections("PAYMENT_ORDER", "o.order_id", "o.content_digest")},
    (SELECT p.state FROM pairs AS p WHERE p.order_id = o.order_id)
FROM (SELECT o.* FROM ({{found}}) AS o {_NEWEST_ORDERS}) AS o ORDER BY o.created_at DESC, o.order_id
"""


def _leg_seen(leg: str) -> str:
    return f"(p.{leg} IS NULL OR {site_condition('(' + _leg_site(leg) + ')')})"


def _double_seen(anomaly: str, entry_type: str) -> str:
    return f"(%(scope_all)s::boolean OR {_side_seen(anomaly, entry_type)} > 1)"


# Whether both legs show; the order does wherever the pair's site is in the scope.
_WHOLE_SEEN = f"{_leg_seen('payment_tx_id')} AND {_leg_seen('receive_tx_id')}"
# An anomaly is asked for as it is shown: one that is withheld is not there.
_ANOMALY_SEEN = {
    "AMOUNT_MISMATCH": _WHOLE_SEEN,
    "CURRENCY_MISMATCH": _WHOLE_SEEN,
    "DUPLICATE_PAYMENT": _double_seen("DUPLICATE_PAYMENT", "PAYMENT"),
    "DUPLICATE_RECEIVE": _double_seen("DUPLICATE_RECEIVE", "RECEIVE"),
    "ORDER_MISSING": _WHOLE_SEEN,
    "SITE_MISMATCH": "true",
}
_LISTED_PAIRS = f"""
SELECT {_columns("p", _PAIR)},
    {_leg_site("payment_tx_id")}, {_leg_site("receive_tx_id")},
    {_side_seen("DUPLICATE_PAYMENT", "PAYMENT")}, {_side_seen("DUPLICATE_RECEIVE", "RECEIVE")},
    p.order_status, p.order_status_group
FROM pairs AS p WHERE {site_condition("p.site_id")} AND """
_PAIRS_BY_AGE = " ORDER BY p.incomplete_since, p.order_id LIMIT %(limit)s"
_PAIRS_BY_ORDER = " ORDER BY p.order_id LIMIT %(limit)s"
_AFTER_AGE = """
p.incomplete_since >= %(after_time)s AND (p.incomplete_since > %(after_time)s OR p.order_id > %(after_id)s)
"""


class OrderAndPair(NamedTuple):
    """What a scope shows of an order and its pair; each None where it does not exist or show."""

    order: Order | None
    corrections: tuple[Applied, ...]
    pair: Pair | None


def fetch_transaction(connection: Connection, tx_id: str, scope: Scope) -> Transaction | None:
    """An entry with its order and pair; None when we hold no such entry in the scope."""
    rows = send(connection, _BY_TX_ID, {"tx_id": tx_id, **_scope_texts(scope)})
    return _transaction(rows[0], scope) if rows else None


def list_transactions(connection: Connection, tx_ids: Sequence[str], scope: Scope) -> dict[str, Transaction]:
    """The entries of these ids that we hold in the scope, by id, each with its order and pair."""
    values = {"tx_ids": _SEPARATOR.join(tx_ids), **_scope_texts(scope)}
    found = (_transaction(row, scope) for row in send(connection, _BY_TX_IDS, values))
    return {each.entry.tx_id: each for each in found}


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


def list_orders(
    connection: Connection,
    wanted: OrderFilter,
    scope: Scope,
    named: Scope,
    *,
    after: Place | None,
    limit: int,
) -> list[ListedOrder]:
    """The orders that pass the filter, newest first, at most `limit`; names of merchants count within `named`."""
    given = {name: value for name in _ORDER_FILTERS if (value := getattr(wanted, name)) is not None}
    conditions = [_ORDER_FILTERS[name] for name in given]
    groups = (wanted.status_group,) if wanted.status_group else STATUS_GROUPS
    values = {**given, **_scope_texts(scope), "groups": _array(groups), "limit": limit}
    if after is not None:
        conditions.append(_ORDER_AFTER)
        values.update(after_time=after.event_time, after_id=after.tx_id)
    if wanted.merchant is not None:
        values.update(merchant=wanted.merchant, **_scope_texts(named, "named"))
    statement = _orders_of(tuple(conditions), wanted.merchant is not None, bool(named))
    return [_listed_order(row) for row in send(connection, statement, values)]


def list_pairs(
    connection: Connection,
    wanted: PairFilter,
    scope: Scope,
    *,
    until: datetime | None,
    after: tuple[datetime | None, str] | None,
    limit: int,
) -> list[ListedPair]:
    """The pairs of the scope that pass the filter, at most `limit`; `until` is the latest time they may be open since.

    Incomplete ones come the oldest first, and only where their age shows; all others by the id of their order.
    """
    values: dict[str, object] = {**_scope_texts(scope), "limit": limit}
    conditions = []
    if wanted.anomaly is not None:
        conditions += ["p.anomalies <> '{}'", "p.anomalies @> ARRAY[%(anomaly)s::text]"]
        conditions.append(_ANOMALY_SEEN[wanted.anomaly])
        values["anomaly"] = wanted.anomaly
    if wanted.is_by_age:
        conditions += ["p.state = 'INCOMPLETE'", _WHOLE_SEEN]
    elif wanted.state is not None:
        conditions.append("p.state = %(state)s")
        values["state"] = wanted.state
    if until is not None:
        conditions.append("p.incomplete_since <= %(until)s")
        values["until"] = until
    if wanted.site is not None:
        conditions.append(site_condition("p.site_id", "asked"))
        values |= {"asked_all": "false", "asked_sites": _array([wanted.site])}
    if after is not None:
        conditions.append(_AFTER_AGE if wanted.is_by_age else "p.order_id > %(after_id)s")
        values |= {"after_time": after[0], "after_id": after[1]}
    statement = _pairs_of(tuple(conditions), wanted.is_by_age)
    return [_listed_pair(row, scope) for row in send(connection, statement, values)]


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


@lru_cache(maxsize=64)
def _orders_of(conditions: tuple[str, ...], of_merchant: bool, by_name: bool) -> Statement:
    """One list's statement. A merchant's orders are found by its id, and by its name for who sees it."""
    written = "".join(f" AND {each}" for each in conditions)
    if not of_merchant:
        found = _BROWSED.format(conditions=written)
    else:
        ways = [_BY_MERCHANT_ID, *([_BY_MERCHANT_NAME] if by_name else [])]
        found = " UNION ALL ".join(_OF_MERCHANT.format(merchant=way, conditions=written) for way in ways)
    return Statement(_LISTED_ORDERS.format(found=found))


@lru_cache(maxsize=128)
def _pairs_of(conditions: tuple[str, ...], is_by_age: bool) -> Statement:
    order = _PAIRS_BY_AGE if is_by_age else _PAIRS_BY_ORDER
    return Statement(_LISTED_PAIRS + " AND ".join(conditions) + order)


def _scope_texts(scope: Scope, name: str = "scope") -> dict[str, object]:
    """The scope's values as they travel with a hot statement; a site may be called NULL, so ids are quoted."""
    return {f"{name}_all": str(scope.everything).lower(), f"{name}_sites": _array(sorted(scope.sites))}


def _array(values: Sequence[str]) -> str:
    """An array of texts, whatever they hold."""
    return "{" + ",".join(map(_quoted, values)) + "}"


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _listed_order(row: Sequence[Any]) -> ListedOrder:
    at = len(_ORDER)
    return ListedOrder(Order(*row[:at]), _applied(row[at]), row[at + 1])


def _listed_pair(row: Sequence[Any], scope: Scope) -> ListedPair:
    at = len(_PAIR)
    return ListedPair(seen_of(Pair(*row[:at]), Parts(*row[at : at + 4]), scope), row[at + 4], row[at + 5])


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
