"""What stands in the database at the end, in the form the oracle gives it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row, tuple_row

from infra.local.simulate.oracle import LEDGER, ORDERS, Row

# When and how a row came, and its last change: outside the converged state.
PASSING = {"first_ingested_at", "ingested_at", "last_change", "previous_site_id", "previous_related_id"}
TABLES = {LEDGER: ("ledger_entries", "tx_id"), ORDERS: ("payment_orders", "order_id")}
_POSITIONS = """
SELECT stream, hub, generation, partition_id, applied, superseded, duplicate, dead_lettered, redelivered,
       records_applied, lower(received) AS first, upper(received) - 1 AS last,
       (SELECT count(*) FROM unnest(received)) AS parts,
       (SELECT coalesce(sum(upper(part) - lower(part)), 0) FROM unnest(received) AS part) AS received
FROM stream_positions WHERE consumer_group = %s ORDER BY hub, generation, partition_id
"""
_EVIDENCE = """
SELECT stream, partition_id, sequence_number, record_key, is_order, applied_records.updated_at, version,
       enqueued_at, content_digest, applied_at
FROM applied_records LEFT JOIN stream_positions USING (position_id)
"""
_LETTERS = """
SELECT stream, partition_id, sequence_number, body, error_code FROM dead_letters ORDER BY hub, partition_id, 3
"""


class Evidence(NamedTuple):
    """The trace of one applied record."""

    stream: str
    partition_id: str
    sequence_number: int
    record_key: str
    is_order: bool
    updated_at: datetime | None
    version: int | None
    enqueued_at: datetime
    content_digest: bytes
    applied_at: datetime


class Letter(NamedTuple):
    """A quarantined event."""

    stream: str
    partition_id: str
    sequence_number: int
    body: bytes
    error_code: str


@dataclass
class Stored:
    """Everything the verdict looks at; `pairs` come without the moments that hang on when entries came."""

    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    pairs: dict[str, Row] = field(default_factory=dict)
    entries: dict[str, Row] = field(default_factory=dict)
    positions: list[Row] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)


def fetch_stored(connection: psycopg.Connection[Any], consumer_group: str) -> Stored:
    """One look at all tables, in one snapshot when the connection is in a repeatable-read transaction."""
    entries = _rows(connection, *TABLES[LEDGER])
    orders = _rows(connection, *TABLES[ORDERS])
    with connection.cursor(row_factory=dict_row) as cursor:
        positions = cursor.execute(_POSITIONS, [consumer_group]).fetchall()
    with connection.cursor(row_factory=tuple_row) as tuples:
        evidence = [Evidence(*row) for row in tuples.execute(_EVIDENCE)]
        letters = [Letter(*row) for row in tuples.execute(_LETTERS)]
    return Stored(
        rows={LEDGER: _converged(entries), ORDERS: _converged(orders)},
        pairs=_rows(connection, "pairs", "order_id"),
        entries=entries,
        positions=positions,
        evidence=evidence,
        letters=letters,
    )


def _rows(connection: psycopg.Connection[Any], table: str, key: str) -> dict[str, Row]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return {row[key]: row for row in cursor.execute(f"SELECT * FROM {table}").fetchall()}


def _converged(rows: dict[str, Row]) -> dict[str, Row]:
    return {key: {n: v for n, v in row.items() if n not in PASSING} for key, row in rows.items()}
