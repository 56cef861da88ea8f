"""What stands in the database, in the form the oracle gives, and whether the two agree."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from infra.local.simulate.stored import PASSING, TABLES
from tests.support.oracle import LEDGER, ORDERS, Oracle, Row

Owner = psycopg.Connection[Any]


def fetch_rows(owner: Owner, table: str, key: str) -> dict[str, Row]:
    """A table's rows by key."""
    with owner.cursor(row_factory=dict_row) as cursor:
        return {row[key]: row for row in cursor.execute(f"SELECT * FROM {table}").fetchall()}


def converged_rows(owner: Owner, stream: str) -> dict[str, Row]:
    """A stream's rows without what depends on when and how they came."""
    rows = fetch_rows(owner, *TABLES[stream])
    return {key: {n: v for n, v in row.items() if n not in PASSING} for key, row in rows.items()}


def converged_pairs(owner: Owner) -> dict[str, Row]:
    """The pairs; those of orders that are neither known nor pointed to any more must be empty, and are left out.

    The times that hang on when entries came are compared with the entries as they stand.
    """
    entries = fetch_rows(owner, *TABLES[LEDGER])
    found = {}
    for order_id, row in fetch_rows(owner, "pairs", "order_id").items():
        legs = [entries[tx] for tx in (row["payment_tx_id"], row["receive_tx_id"]) if tx]
        came = [leg["first_ingested_at"] for leg in legs]
        assert row.pop("completed_at") == (max(came) if len(came) == 2 else None)
        assert row.pop("incomplete_since") == (came[0] if len(came) == 1 else None)
        row.pop("overdue_at")
        del row["order_id"]
        row["anomalies"] = frozenset(row["anomalies"])
        if row["state"] == "OPEN" and row["order_status"] is None and "ORDER_MISSING" not in row["anomalies"]:
            assert not row.pop("anomalies")
            assert row.pop("state") == "OPEN"
            assert set(row.values()) == {None}
        else:
            found[order_id] = row
    return found


def assert_converged(owner: Owner, oracle: Oracle) -> None:
    """The database holds what the oracle says, in every column that does not depend on the way there."""
    for stream in TABLES:
        assert converged_rows(owner, stream) == oracle.rows(stream)
    assert converged_pairs(owner) == oracle.pairs()
    ids = {row[0] for row in owner.execute("SELECT order_id FROM pairs").fetchall()}
    assert ids <= oracle.pairs().keys() | oracle.related | oracle.rows(ORDERS).keys()


def totals(owner: Owner) -> dict[str, int]:
    """The counts of all positions together; outcomes that did not occur are left out."""
    with owner.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "SELECT sum(applied) AS applied, sum(superseded) AS superseded, sum(duplicate) AS duplicate,"
            " sum(dead_lettered) AS dead_lettered, sum(redelivered) AS redelivered FROM stream_positions"
        ).fetchone()
    return {name: int(count) for name, count in (row or {}).items() if count}


def received(owner: Owner) -> int:
    """How many distinct sequence numbers all positions hold."""
    row = owner.execute(
        "SELECT sum(upper(r) - lower(r)) FROM stream_positions, unnest(received) AS r"
    ).fetchone()
    return int(row[0]) if row and row[0] is not None else 0
