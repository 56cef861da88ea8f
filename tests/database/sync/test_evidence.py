"""Each applied record leaves one row that nobody can change."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from shared.runtime import Runtime
from shared.sync.errors import DeadLetterConflict
from tests.support.postgres import ClonedDatabase
from tests.support.roles import APP, AUDITOR, MIGRATOR, connected_as, refusal
from tests.support.runtime import NOON, StandingClock
from tests.support.sync_events import HUBS, Sent, entry, ingest, order
from tests.support.sync_state import fetch_rows

Owner = psycopg.Connection[Any]
INSUFFICIENT_PRIVILEGE = "42501"


def evidence(owner: Owner) -> list[dict[str, Any]]:
    with owner.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT a.*, p.stream, p.hub, p.generation, p.partition_id FROM applied_records AS a"
            " LEFT JOIN stream_positions AS p USING (position_id) ORDER BY a.sequence_number, a.is_order"
        ).fetchall()


def test_an_applied_record_says_where_it_came_from_and_what_it_stated(runtime: Runtime, owner: Owner) -> None:
    body: dict[str, Any] = {"version": 3, "updated_at": "2026-11-23T11:00:00Z", "status": "Settled"}
    ingest(runtime, order(5, partition_id="2", **body))
    (row,) = evidence(owner)
    assert row.pop("position_id") > 0
    assert (
        row.pop("content_digest") == fetch_rows(owner, "payment_orders", "order_id")["o-1"]["content_digest"]
    )
    assert row == {
        "record_key": "o-1",
        "stream": "payment_order",
        "hub": HUBS["payment_order"],
        "generation": 1,
        "partition_id": "2",
        "sequence_number": 5,
        "enqueued_at": NOON + timedelta(seconds=5),
        "updated_at": NOON - timedelta(hours=1),
        "version": 3,
        "order_status": "Settled",
        "is_order": True,
        "applied_at": NOON,
    }


def test_every_applied_version_leaves_a_row_and_nothing_else_does(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1, version=1), entry(2, "t-2"))
    ingest(runtime, entry(3, version=3, amount="3"))
    # Superseded, duplicate, moved revision, lost inside the batch, dead letter, redelivered.
    ingest(runtime, entry(4, version=2, amount="4"), Sent("ledger", 9, b""))
    ingest(runtime, entry(5, version=2, amount="3"), entry(1, version=1))
    ingest(runtime, entry(6, version=6, amount="3"), entry(7, version=5, amount="5"))
    rows = evidence(owner)
    assert [(r["record_key"], r["sequence_number"], r["version"]) for r in rows] == [
        ("t-1", 1, 1),
        ("t-2", 2, None),
        ("t-1", 3, 3),
    ]
    assert {(r["is_order"], r["order_status"]) for r in rows} == {(False, None)}


def test_evidence_commits_with_the_record_or_not_at_all(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, Sent("ledger", 1, b""))
    with pytest.raises(DeadLetterConflict):
        ingest(runtime, entry(2), Sent("ledger", 1, b"{}"))
    assert evidence(owner) == []


@pytest.mark.parametrize("role", [APP, AUDITOR, MIGRATOR])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE applied_records SET version = 2",
        "UPDATE applied_records SET version = 2 WHERE false",
        "DELETE FROM applied_records",
        "TRUNCATE applied_records",
    ],
)
def test_nobody_changes_or_removes_evidence(
    runtime: Runtime, owner: Owner, database: ClonedDatabase, role: str, statement: str
) -> None:
    ingest(runtime, entry(1))
    before = evidence(owner)
    with connected_as(database, role) as connection:
        refused = refusal(connection, statement)
    # The schema's owner may ask; its triggers refuse every row.
    may_ask = role == MIGRATOR and "false" in statement
    assert (refused is None) == may_ask
    assert refused in (None, INSUFFICIENT_PRIVILEGE) or (role == AUDITOR and refused == "25006")
    assert evidence(owner) == before


@pytest.mark.parametrize("statement", ["UPDATE {} SET version = 2", "DELETE FROM {}"])
def test_a_partition_by_its_own_name_is_as_closed(
    runtime: Runtime, owner: Owner, database: ClonedDatabase, statement: str
) -> None:
    ingest(runtime, entry(1))
    (partition,) = [row[0] for row in owner.execute("SELECT tableoid::regclass::text FROM applied_records")]
    for role in (APP, MIGRATOR):
        with connected_as(database, role) as connection:
            assert refusal(connection, statement.format(partition)) == INSUFFICIENT_PRIVILEGE


def test_each_month_has_its_partition(runtime: Runtime, owner: Owner) -> None:
    clock = runtime.clock
    assert isinstance(clock, StandingClock)
    owner.execute("SELECT ensure_evidence_partitions('2026-11-01', 3)")
    ingest(runtime, entry(1, version=1))
    clock.instant = NOON.replace(month=12, day=31, hour=23, minute=59, second=59)
    ingest(runtime, entry(2, version=2, amount="2"))
    clock.move(seconds=1)
    ingest(runtime, entry(3, version=3, amount="3"))
    clock.move(days=3_000)
    ingest(runtime, entry(4, version=4, amount="4"))
    where = owner.execute("SELECT sequence_number, tableoid::regclass::text FROM applied_records ORDER BY 1")
    assert where.fetchall() == [
        (1, "applied_records_2026_11"),
        (2, "applied_records_2026_12"),
        (3, "applied_records_2027_01"),
        (4, "applied_records_default"),
    ]
