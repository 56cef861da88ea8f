"""Which failures speak of a row, and transactions that only rehearse."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.database.database import driver
from shared.database.refusals import RowRefusal, row_refusals
from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime

Owner = psycopg.Connection[Any]
# Real failures of statements that read and write nothing, by the column or constraint the server names.
OF_A_ROW = {
    "22003": "SELECT 1e400::float8",
    "22012": "SELECT 1 / 0",
    "22007": "SELECT 'soon'::timestamptz",
    "22P02": "SELECT 'x'::integer",
    "22021": "SELECT convert_from('\\xff', 'UTF8')",
    "23502": "INSERT INTO sites (site_id) VALUES (NULL)",
    "23514": "INSERT INTO outbox (kind, dedupe_key, payload, created_at, available_at, attempts)"
    " VALUES ('k', 'd', '{}', now(), now(), -1)",
    "54000": "SELECT to_tsvector(string_agg(md5(n::text), ' ')) FROM generate_series(1, 40000) AS n",
}
NOT_OF_A_ROW = {
    "42P01": "SELECT * FROM nowhere",
    "42601": "SELEKT",
    "42501": "DELETE FROM outbox",
    "P0001": "DO 'BEGIN RAISE EXCEPTION ''told''; END'",
    "40001": "DO 'BEGIN RAISE serialization_failure; END'",
}


@pytest.mark.parametrize("sqlstate", OF_A_ROW)
@pytest.mark.parametrize("through_the_driver", [True, False])
def test_a_refusal_of_a_row(runtime: Runtime, sqlstate: str, through_the_driver: bool) -> None:
    def ask() -> None:
        with row_refusals(), runtime.database.transaction() as connection:
            if through_the_driver:
                driver(connection).execute(OF_A_ROW[sqlstate].encode())
            else:
                connection.execute(text(OF_A_ROW[sqlstate]))

    with pytest.raises(RowRefusal) as refused:
        ask()
    assert refused.value.sqlstate == sqlstate
    assert 0 < len(refused.value.reason) <= 300
    subjects = {"23502": "site_id", "23514": "ck_outbox_attempts"}
    assert refused.value.subject == subjects.get(sqlstate)


@pytest.mark.parametrize("sqlstate", NOT_OF_A_ROW)
def test_any_other_failure_stays_what_it_is(runtime: Runtime, sqlstate: str) -> None:
    with (
        pytest.raises((DBAPIError, DatabaseUnavailable)),
        row_refusals(),
        runtime.database.transaction() as connection,
    ):
        connection.execute(text(NOT_OF_A_ROW[sqlstate]))


def test_a_failure_of_python_stays_what_it_is() -> None:
    with pytest.raises(ZeroDivisionError), row_refusals():
        raise ZeroDivisionError


def test_a_rehearsal_writes_nothing(runtime: Runtime, owner: Owner) -> None:
    with runtime.database.rehearsal() as connection:
        connection.execute(text("UPDATE sites SET name = 'x'"))
        driver(connection).execute("UPDATE sites SET time_zone = 'UTC'")
        assert connection.execute(text("SELECT count(*) FROM sites WHERE name = 'x'")).scalar() == 3
    changed = owner.execute("SELECT count(*) FROM sites WHERE name = 'x' OR time_zone = 'UTC'").fetchone()
    assert changed == (0,)


def test_a_rehearsal_that_fails_raises_and_writes_nothing(runtime: Runtime, owner: Owner) -> None:
    def rehearse() -> None:
        with runtime.database.rehearsal() as connection:
            connection.execute(text("UPDATE sites SET name = 'x'"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rehearse()
    assert owner.execute("SELECT count(*) FROM sites WHERE name = 'x'").fetchone() == (0,)
