"""The reference of the ingest figures: what the same rows cost with no decoding, no validation and no dedupe.

Binary COPY of pre-encoded rows into a staging table, INSERT … SELECT … ON CONFLICT, evidence rows, set-based pairing,
commit. The bytes of every batch are made beforehand, from the rows our own reader gives, reduced to one per key.
Pairing is one statement of its own that takes no lock first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from shared.pairing.model import belongs_to_order
from shared.sync.events import CONTRACTS
from shared.sync.events.contract import Contract, Defaults
from shared.sync.events.payment_order import status_group
from shared.sync.model import EventBatch, Record, greatest_per_key
from shared.sync.read_batch import read_batch
from shared.sync.statements import TRANSPORT

TABLES = {"ledger": "ledger_entries", "payment_order": "payment_orders"}
DEFAULTS = Defaults("USD", "KR-SEOUL")
_CONTRACTS: dict[str, Contract] = {contract.stream: contract for contract in CONTRACTS}
_REVISION = ("updated_at", "version", "enqueued_at", "sequence_number", "content_digest")


@dataclass(frozen=True)
class EncodedCall:
    """One call's rows as binary COPY data per stream, and the orders it touches."""

    rows: tuple[tuple[str, bytes], ...]
    orders: str


def columns_of(stream: str) -> tuple[str, ...]:
    """The columns a staged row has."""
    more = ("status_group",) if stream == "payment_order" else ()
    return (*_CONTRACTS[stream].business_columns, *TRANSPORT, *more)


def prepare(session: psycopg.Connection[Any]) -> None:
    """The staging tables, with the columns a batch brings; emptied by every commit."""
    for stream, table in TABLES.items():
        columns = ", ".join(columns_of(stream))
        session.execute(
            f"CREATE TEMP TABLE stage_{stream} ON COMMIT DELETE ROWS AS SELECT {columns} FROM {table} WITH NO DATA"
        )
    session.commit()


def encode_call(session: psycopg.Connection[Any], batches: Sequence[EventBatch]) -> EncodedCall:
    """Everything that is done beforehand."""
    rows: list[tuple[str, bytes]] = []
    orders: set[str] = set()
    for batch in sorted(batches, key=lambda each: each.stream):
        read = read_batch(batch, DEFAULTS, timedelta(days=1))
        winners = greatest_per_key(read.records).winners
        records = [winners[key] for key in sorted(winners)]
        orders.update(_orders_of(batch.stream, records))
        rows.append((batch.stream, _binary(session, batch.stream, records)))
    return EncodedCall(tuple(rows), "\x1f".join(sorted(orders)))


def _orders_of(stream: str, records: Sequence[Record]) -> list[str]:
    if stream == "payment_order":
        return [record.key for record in records]
    return [r.business[6] for r in records if belongs_to_order(r.business[6], r.business[7])]


def _binary(session: psycopg.Connection[Any], stream: str, records: Sequence[Record]) -> bytes:
    """The server itself turns texts into binary rows, so that no encoder of ours can be slow or wrong."""
    names = ", ".join(columns_of(stream))
    with session.cursor() as cursor:
        with cursor.copy(f"COPY stage_{stream} ({names}) FROM STDIN") as copy:
            for record in records:
                copy.write_row(_row(stream, record))
        with cursor.copy(f"COPY stage_{stream} TO STDOUT (FORMAT binary)") as copy:
            data = b"".join(bytes(part) for part in copy)
    session.rollback()
    return data


def _row(stream: str, record: Record) -> list[object]:
    contract, revision = _CONTRACTS[stream], record.revision
    instants = {"event_time", "created_at"}
    pairs = zip(contract.business_columns, record.business, strict=True)
    row: list[object] = [(f"{v}Z" if name in instants else v) if v else None for name, v in pairs]
    row += [
        f"{revision.updated_at}Z" if revision.updated_at else None,
        revision.version if revision.version >= 0 else None,
        f"{revision.enqueued_at}Z",
        revision.sequence_number,
        revision.digest,
        record.correlation_id or None,
    ]
    if stream == "payment_order":
        row.append(status_group(record.business[contract.business_columns.index("status")]))
    return row


def _upsert(stream: str) -> str:
    """Evidence for every staged row, and the rows themselves where they are newer."""
    contract, columns = _CONTRACTS[stream], columns_of(stream)
    names = ", ".join(columns)
    newer, stored = (_revision(alias) for alias in ("excluded", "stored"))
    status = "status" if stream == "payment_order" else "NULL"
    return f"""
WITH evidence AS (
    INSERT INTO applied_records (record_key, position_id, sequence_number, enqueued_at, updated_at, version,
                                 content_digest, order_status, is_order, applied_at)
    SELECT {contract.key}, 1, sequence_number, enqueued_at, updated_at, version, content_digest, {status},
           {stream == "payment_order"}, %(now)s FROM stage_{stream}
)
INSERT INTO {TABLES[stream]} AS stored ({names}, first_ingested_at, ingested_at)
SELECT {names}, %(now)s, %(now)s FROM stage_{stream}
ON CONFLICT ({contract.key}) DO UPDATE SET
    {", ".join(f"{c} = excluded.{c}" for c in columns[1:])}, ingested_at = excluded.ingested_at
WHERE {newer} > {stored}
"""


def _revision(alias: str) -> str:
    absent = ("'-infinity'", "-1", "'-infinity'", "-1")
    parts = [f"coalesce({alias}.{c}, {a})" for c, a in zip(_REVISION[:4], absent, strict=True)]
    return f"({', '.join(parts)}, {alias}.content_digest)"


_UPSERTS = {stream: _upsert(stream) for stream in TABLES}
_FACTS = ("tx_id", "wallet_id", "amount", "currency", "site_id", "event_time", "first_ingested_at")
_LEGS = ", ".join(
    f"max({fact}) FILTER (WHERE place = 1 AND entry_type = '{side}') AS {alias}_{fact}"
    for alias, side in (("p", "PAYMENT"), ("r", "RECEIVE"))
    for fact in _FACTS
)
_PAIR_COLUMNS = (
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
_PAIR = f"""
INSERT INTO pairs AS stored (order_id, {", ".join(_PAIR_COLUMNS)})
SELECT legs.order_id,
    CASE WHEN p_tx_id IS NOT NULL AND r_tx_id IS NOT NULL THEN 'COMPLETE'
         WHEN p_tx_id IS NOT NULL OR r_tx_id IS NOT NULL THEN 'INCOMPLETE' ELSE 'OPEN' END,
    array_remove(ARRAY[
        CASE WHEN p_currency = r_currency AND p_amount <> r_amount OR o.currency = p_currency AND o.amount <> p_amount
               OR o.currency = r_currency AND o.amount <> r_amount THEN 'AMOUNT_MISMATCH' END,
        CASE WHEN p_currency <> r_currency OR o.currency <> p_currency OR o.currency <> r_currency
             THEN 'CURRENCY_MISMATCH' END,
        CASE WHEN payments > 1 THEN 'DUPLICATE_PAYMENT' END,
        CASE WHEN receipts > 1 THEN 'DUPLICATE_RECEIVE' END,
        CASE WHEN o.order_id IS NULL AND entries > 0 THEN 'ORDER_MISSING' END,
        CASE WHEN p_site_id <> r_site_id OR o.site_id <> p_site_id OR o.site_id <> r_site_id
             THEN 'SITE_MISMATCH' END], NULL),
    p_tx_id, r_tx_id, p_wallet_id, r_wallet_id,
    coalesce(p_amount, r_amount, o.amount), coalesce(p_currency, r_currency, o.currency), o.status, o.status_group,
    coalesce(o.site_id, p_site_id, r_site_id), p_event_time, r_event_time,
    CASE WHEN p_tx_id IS NULL OR r_tx_id IS NULL THEN coalesce(p_first_ingested_at, r_first_ingested_at) END,
    CASE WHEN p_tx_id IS NOT NULL AND r_tx_id IS NOT NULL THEN greatest(p_first_ingested_at, r_first_ingested_at) END
FROM (
    SELECT order_id, count(tx_id) AS entries, count(*) FILTER (WHERE entry_type = 'PAYMENT') AS payments,
           count(*) FILTER (WHERE entry_type = 'RECEIVE') AS receipts, {_LEGS}
    FROM (
        SELECT touched.order_id, e.*, row_number() OVER (
                   PARTITION BY touched.order_id, e.entry_type ORDER BY e.event_time, e.tx_id) AS place
        FROM unnest(string_to_array(%(orders)s, E'\\x1f')) AS touched (order_id)
        LEFT JOIN LATERAL (
            SELECT entry_type, {", ".join(_FACTS)} FROM ledger_entries AS e WHERE e.related_id = touched.order_id
               AND (e.related_type IS NULL OR e.related_type = 'PAYMENT_ORDER') OFFSET 0) AS e ON true
    ) AS ranked GROUP BY order_id
) AS legs
LEFT JOIN LATERAL (SELECT * FROM payment_orders AS o WHERE o.order_id = legs.order_id OFFSET 0) AS o ON true
ON CONFLICT (order_id) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in _PAIR_COLUMNS)}
WHERE ({", ".join(f"stored.{c}" for c in _PAIR_COLUMNS)})
      IS DISTINCT FROM ({", ".join(f"excluded.{c}" for c in _PAIR_COLUMNS)})
"""


def run_call(session: psycopg.Connection[Any], call: EncodedCall, now: datetime) -> None:
    """One batch of the reference, committed."""
    with session.cursor() as cursor:
        for stream, data in call.rows:
            with cursor.copy(f"COPY stage_{stream} FROM STDIN (FORMAT binary)") as copy:
                copy.write(data)
            cursor.execute(_UPSERTS[stream], {"now": now})
        cursor.execute(_PAIR, {"orders": call.orders})
    session.commit()
