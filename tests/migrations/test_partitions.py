"""ensure_evidence_partitions: a partition per month, ahead of time, harmless when asked again."""

from typing import Any

import psycopg
import pytest

from tests.support.postgres import ClonedDatabase
from tests.support.roles import APP, AUDITOR, connected_as, refusal

Owner = psycopg.Connection[Any]
DIGEST = "'\\x" + "00" * 32 + "'"


def ensure(connection: psycopg.Connection[Any], first: str, months: int) -> int:
    row = connection.execute("SELECT ensure_evidence_partitions(%s::date, %s)", (first, months)).fetchone()
    assert row is not None
    return int(row[0])


def bounds(owner: Owner, year: int) -> list[str]:
    rows = owner.execute(
        "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname LIKE %s AND relkind = 'r' ORDER BY relname",
        (f"applied\\_records\\_{year}%",),
    )
    return [row[0] for row in rows.fetchall()]


def keep(owner: Owner, moment: str) -> None:
    owner.execute(
        f"INSERT INTO applied_records (record_key, content_digest, is_order, applied_at)"
        f" VALUES ('k', {DIGEST}, false, '{moment}')"
    )


def test_months_are_whole_and_in_utc(database: ClonedDatabase, owner: Owner) -> None:
    with connected_as(database, APP) as app:
        assert ensure(app, "2040-11-30", 3) == 3
        assert ensure(app, "2040-11-01", 3) == 0
        assert ensure(app, "2041-01-15", 2) == 1
    owner.execute("SET timezone = 'UTC'")
    assert bounds(owner, 2040) + bounds(owner, 2041) == [
        "FOR VALUES FROM ('2040-11-01 00:00:00+00') TO ('2040-12-01 00:00:00+00')",
        "FOR VALUES FROM ('2040-12-01 00:00:00+00') TO ('2041-01-01 00:00:00+00')",
        "FOR VALUES FROM ('2041-01-01 00:00:00+00') TO ('2041-02-01 00:00:00+00')",
        "FOR VALUES FROM ('2041-02-01 00:00:00+00') TO ('2041-03-01 00:00:00+00')",
    ]


def test_the_zone_of_the_session_does_not_matter(database: ClonedDatabase, owner: Owner) -> None:
    with connected_as(database, APP) as app:
        app.execute("SET timezone = 'Asia/Seoul'")
        assert ensure(app, "2040-02-29", 1) == 1
    owner.execute("SET timezone = 'UTC'")
    assert bounds(owner, 2040) == ["FOR VALUES FROM ('2040-02-01 00:00:00+00') TO ('2040-03-01 00:00:00+00')"]


def test_a_month_that_began_in_the_default_partition_stays_there(
    database: ClonedDatabase, owner: Owner
) -> None:
    keep(owner, "2040-12-31T23:59:59.999999Z")
    with connected_as(database, APP) as app:
        assert ensure(app, "2040-11-01", 3) == 2
        assert ensure(app, "2040-11-01", 3) == 0
    assert len(bounds(owner, 2040)) == len(bounds(owner, 2041)) == 1
    keep(owner, "2040-12-01T00:00:00Z")
    assert owner.execute("SELECT count(*) FROM applied_records_default").fetchone() == (2,)


@pytest.mark.parametrize("months", [0, -1, 25])
def test_the_number_of_months_has_bounds(database: ClonedDatabase, months: int) -> None:
    with connected_as(database, APP) as app:
        assert refusal(app, f"SELECT ensure_evidence_partitions('2040-01-01', {months})") == "22023"


def test_only_the_app_may_ask(database: ClonedDatabase) -> None:
    with connected_as(database, AUDITOR) as auditor:
        assert refusal(auditor, "SELECT ensure_evidence_partitions('2040-01-01', 1)") == "42501"


def test_the_first_months_come_with_the_migration(owner: Owner) -> None:
    rows = owner.execute(
        "SELECT count(*) FROM pg_inherits WHERE inhparent = 'applied_records'::regclass"
    ).fetchone()
    assert rows == (4,)
