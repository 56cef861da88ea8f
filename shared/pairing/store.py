"""The pairing room's SQL: take the pair rows' locks in key order, then compute from the rows as they are then.

Two processes may bring the two sides of an order at once. Whoever comes second waits for the pair row and computes
in the *next* statement, whose snapshot holds the first one's leg; computing first and locking later loses pairs. A
row this statement inserts itself needs no second look: every transaction that commits a leg also commits its pair
row, so had another leg been committed outside our snapshot, the insert would have met that row.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from shared.database.database import driver, send
from shared.database.statement import Statement

_SEPARATOR = "\x1f"
_SIDES = {"p": "PAYMENT", "r": "RECEIVE"}
_FACTS = ("tx_id", "wallet_id", "amount", "currency", "site_id", "event_time", "first_ingested_at")
_LEGS = ",\n               ".join(
    f"({alias}).{fact} AS {alias}_{fact}" for alias in _SIDES for fact in _FACTS
)
# The leg of a side is its earliest entry by (event_time, tx_id).
_ENTRIES = ",\n                   ".join(
    f"array_agg(e ORDER BY e.event_time, e.tx_id) FILTER (WHERE e.entry_type = '{side}') AS {alias}s"
    for alias, side in _SIDES.items()
)


def _computed(condition: str) -> str:
    """The pair of every touched order as the rows make it; where the condition fails, that of an empty order.

    LATERAL with OFFSET or LIMIT keeps the plan to two index probes per order whatever the statistics say; a join lets
    the planner walk the whole index while it grows. The first OFFSET keeps a leg's row from being sought per column.
    An order's entries are collected as whole rows: one aggregate per side starts sooner than one per side and column.
    """
    is_new = "is_new, " if condition else ""
    return f"""
    SELECT order_id,
        CASE WHEN p_tx_id IS NOT NULL AND r_tx_id IS NOT NULL THEN 'COMPLETE'
             WHEN p_tx_id IS NOT NULL OR r_tx_id IS NOT NULL THEN 'INCOMPLETE' ELSE 'OPEN' END AS state,
        array_remove(ARRAY[
            CASE WHEN p_currency = r_currency AND p_amount <> r_amount
                   OR o.currency = p_currency AND o.amount <> p_amount
                   OR o.currency = r_currency AND o.amount <> r_amount THEN 'AMOUNT_MISMATCH' END,
            CASE WHEN p_currency <> r_currency OR o.currency <> p_currency OR o.currency <> r_currency
                 THEN 'CURRENCY_MISMATCH' END,
            CASE WHEN payments > 1 THEN 'DUPLICATE_PAYMENT' END,
            CASE WHEN receipts > 1 THEN 'DUPLICATE_RECEIVE' END,
            CASE WHEN o.is_there IS NULL AND entries > 0 THEN 'ORDER_MISSING' END,
            CASE WHEN p_site_id <> r_site_id OR o.site_id <> p_site_id OR o.site_id <> r_site_id
                 THEN 'SITE_MISMATCH' END], NULL) AS anomalies,
        p_tx_id AS payment_tx_id, r_tx_id AS receive_tx_id,
        p_wallet_id AS sender_wallet_id, r_wallet_id AS receiver_wallet_id,
        coalesce(p_amount, r_amount, o.amount) AS amount,
        coalesce(p_currency, r_currency, o.currency) AS currency,
        o.status AS order_status, o.status_group AS order_status_group,
        coalesce(o.site_id, p_site_id, r_site_id) AS site_id,
        p_event_time AS payment_event_time, r_event_time AS receive_event_time,
        CASE WHEN p_tx_id IS NULL OR r_tx_id IS NULL
             THEN coalesce(p_first_ingested_at, r_first_ingested_at) END AS incomplete_since,
        CASE WHEN p_tx_id IS NOT NULL AND r_tx_id IS NOT NULL
             THEN greatest(p_first_ingested_at, r_first_ingested_at) END AS completed_at
    FROM (
        SELECT order_id, {is_new}payments, receipts, entries,
               {_LEGS}
        FROM (
            SELECT touched.*, entries, cardinality(ps) AS payments, cardinality(rs) AS receipts,
                   ps[1] AS p, rs[1] AS r
            FROM touched CROSS JOIN LATERAL (
                SELECT count(*) AS entries,
                       {_ENTRIES}
                FROM ledger_entries AS e
                WHERE {condition} e.related_id = touched.order_id
                  AND (e.related_type IS NULL OR e.related_type = 'PAYMENT_ORDER')) AS entries OFFSET 0
        ) AS sides
    ) AS touched
    LEFT JOIN LATERAL (
        SELECT true AS is_there, o.amount, o.currency, o.status, o.status_group, o.site_id
        FROM payment_orders AS o WHERE {condition} o.order_id = touched.order_id LIMIT 1) AS o ON true
"""


_COLUMNS = (
    "state",
    "anomalies",
    "payment_tx_id",
    "receive_tx_id",
    "sender_wallet_id",
    "receiver_wallet_id",
    "amount",
    "currency",
    "order_status",
    "order_status_group",
    "site_id",
    "payment_event_time",
    "receive_event_time",
    "incomplete_since",
    "completed_at",
)
_NAMES = ", ".join(_COLUMNS)
_TOUCHED = "SELECT order_id FROM unnest(string_to_array(%(orders)s, E'\\x1f')) AS t (order_id)"
# A pair that stands already is only locked here (its row is never deleted, so the insert always meets it); computing
# it would be in vain, because what counts is the state after the lock.
# A scalar sub-select with LIMIT is asked row by row; NOT EXISTS would read the whole table into a hash.
INSERT_OR_LOCK = Statement(f"""
WITH touched AS MATERIALIZED (
    SELECT t.order_id, (SELECT true FROM pairs WHERE pairs.order_id = t.order_id LIMIT 1) IS NULL AS is_new
    FROM ({_TOUCHED}) AS t
), written AS (
    INSERT INTO pairs (order_id, {_NAMES})
    SELECT order_id, {_NAMES} FROM ({_computed("touched.is_new AND")}) AS computed ORDER BY order_id
    ON CONFLICT (order_id) DO UPDATE SET state = excluded.state WHERE false
    RETURNING order_id, time_to_complete_seconds
)
SELECT string_agg(order_id, E'\\x1f') AS inserted,
       array_agg(time_to_complete_seconds::float8) FILTER (WHERE time_to_complete_seconds IS NOT NULL) AS seconds
FROM written
""")
# One lock needs no order, and a pair that stands is locked sooner this way than by an insert that meets it.
LOCK_ONE = Statement("SELECT true FROM pairs WHERE order_id = %(orders)s FOR NO KEY UPDATE")
# Every order's row stands and is locked by now. An insert that always meets it finds it through its key, whatever the
# statistics say; an update with a join lets the planner read the whole table.
RECOMPUTE = Statement(f"""
WITH touched AS ({_TOUCHED}), written AS (
    INSERT INTO pairs AS stored (order_id, {_NAMES})
    SELECT order_id, {_NAMES} FROM ({_computed("")}) AS computed
    ON CONFLICT (order_id) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in _COLUMNS)},
        overdue_at = CASE WHEN excluded.state = 'INCOMPLETE' THEN stored.overdue_at END
    WHERE ({", ".join(f"stored.{c}" for c in _COLUMNS)})
          IS DISTINCT FROM ({", ".join(f"excluded.{c}" for c in _COLUMNS)})
    RETURNING time_to_complete_seconds
)
SELECT array_agg(time_to_complete_seconds::float8) FILTER (WHERE time_to_complete_seconds IS NOT NULL) FROM written
""")


# An order has an entry or two, and a bitmap costs more to begin than they cost to read. Plans are made at the first use
# and again when the tables were analysed, so this stands before each batch's.
_WITHOUT_BITMAPS = Statement("SET LOCAL enable_bitmapscan = off")


class Repaired(NamedTuple):
    """How many pairs were looked at, and the times between the legs of those now complete, in seconds."""

    touched: int
    completed_after_seconds: list[float]


def repair_pairs(connection: Connection, order_ids: Sequence[str]) -> Repaired:
    """Bring the pairs of these orders in line with the ledger entries and orders as they stand.

    `order_ids` are sorted and unique: locks are taken in that order, so that two batches never wait for each other.
    """
    if not order_ids:
        return Repaired(0, [])
    seconds: list[float] = []
    standing = order_ids
    orders = {"orders": _SEPARATOR.join(order_ids)}
    if len(order_ids) > 1:
        send(connection, _WITHOUT_BITMAPS, {})
    if len(order_ids) > 1 or not send(connection, LOCK_ONE, orders):
        row = send(connection, INSERT_OR_LOCK, orders)[0]
        seconds += row[1] or []
        inserted = set(row[0].split(_SEPARATOR)) if row[0] else set()
        standing = [order_id for order_id in order_ids if order_id not in inserted]
    if standing:
        seconds += send(connection, RECOMPUTE, {"orders": _SEPARATOR.join(standing)})[0][0] or []
    return Repaired(len(order_ids), seconds)


class OverdueSite(NamedTuple):
    """Pairs of one site newly beyond its window."""

    site_id: str
    window_seconds: int
    pairs: int


class PairSummary(NamedTuple):
    """How pairing stands. The ratio is taken against the planner's row estimate: a full count costs seconds."""

    incomplete: int
    incomplete_ratio: float | None
    oldest_incomplete_since: datetime | None
    anomalies: dict[str, int]


def mark_overdue(connection: Connection, now: datetime) -> list[OverdueSite]:
    """Mark pairs incomplete beyond their site's window, once each; orders of group FAIL are not waited for."""
    rows = driver(connection).execute(
        """
        WITH late AS (
            SELECT p.order_id, s.site_id, s.pair_window_seconds
            FROM pairs AS p JOIN sites AS s USING (site_id)
            WHERE p.state = 'INCOMPLETE' AND p.overdue_at IS NULL AND p.order_status_group IS DISTINCT FROM 'FAIL'
              AND p.incomplete_since < %(now)s - make_interval(secs => s.pair_window_seconds)
            ORDER BY p.incomplete_since LIMIT 10000 FOR UPDATE OF p SKIP LOCKED
        ), marked AS (
            UPDATE pairs SET overdue_at = %(now)s FROM late WHERE pairs.order_id = late.order_id
            RETURNING late.site_id, late.pair_window_seconds
        )
        SELECT site_id, pair_window_seconds, count(*) FROM marked GROUP BY 1, 2 ORDER BY 1
        """,
        {"now": now},
    )
    return [OverdueSite(*row) for row in rows.fetchall()]


def fetch_pair_summary(connection: Connection) -> PairSummary:
    """Counts from the partial indexes; cheap at any table size."""
    session = driver(connection)
    row = session.execute(
        """
        SELECT count(*), min(incomplete_since), (SELECT reltuples FROM pg_class WHERE oid = 'pairs'::regclass)
        FROM pairs WHERE state = 'INCOMPLETE'
        """
    ).fetchone() or (0, None, 0)
    anomalies = session.execute(
        "SELECT kind, count(*) FROM pairs, unnest(anomalies) AS kind WHERE anomalies <> '{}' GROUP BY 1 ORDER BY 1"
    ).fetchall()
    incomplete, oldest, estimate = row
    ratio = min(1.0, incomplete / estimate) if estimate and estimate > 0 else None
    return PairSummary(incomplete, ratio, oldest, dict(anomalies))
