"""The reference of the ingest figures: what the same rows cost with no decoding, no validation and no dedupe.

Binary COPY of pre-encoded rows into a staging table, INSERT … SELECT … ON CONFLICT, evidence rows, set-based pairing,
commit. The bytes of every batch are made beforehand, from the rows our own reader gives, reduced to one per key.
Pairing is the product's own computation in its cheapest form: one statement, no lock taken first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from shared.pairing import store as pairing
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
_PAIR = f"""
WITH touched AS ({pairing._TOUCHED})
INSERT INTO pairs AS p (order_id, {pairing._NAMES})
SELECT order_id, {pairing._NAMES} FROM ({pairing._computed("")}) AS c
ON CONFLICT (order_id) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in pairing._COLUMNS)}
WHERE ({", ".join(f"p.{c}" for c in pairing._COLUMNS)})
      IS DISTINCT FROM ({", ".join(f"excluded.{c}" for c in pairing._COLUMNS)})
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
