"""The short way of hot statements gives what a cursor gives, and fails as a cursor fails."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from shared.database.database import driver, send
from shared.database.statement import Statement
from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime
from tests.support.runtime import runtime_for

MOMENT = datetime(2026, 11, 23, 12, 0, 1, 250_000, tzinfo=UTC)
ECHO = Statement(
    "SELECT %(text)s::text, %(number)s::bigint, %(moment)s::timestamptz, %(none)s::text, %(bytes)b::bytea,"
    " ARRAY[1.5, NULL]::float8[], %(number)s::bigint = 7 AS again, '100%%' WHERE %(text)s::text <> 'nothing'"
)
VALUES: Mapping[str, object] = {
    "text": "né\x1f",
    "number": 7,
    "moment": MOMENT,
    "none": None,
    "bytes": b"\0\x01",
}
ANSWER = ("né\x1f", 7, MOMENT, None, b"\0\x01", [1.5, None], True, "100%")


INSERT = Statement(
    "INSERT INTO sites (site_id, name, time_zone) VALUES (%(id)s, 'x', 'UTC') RETURNING site_id"
)


@pytest.fixture(params=["true", "false"])
def either(request: pytest.FixtureRequest, database_url: str) -> Any:
    """With prepared statements and without."""
    built = runtime_for(database_url, DATABASE_PREPARE=request.param)
    yield built
    built.database.dispose()


def test_values_go_and_come_as_they_are(either: Runtime) -> None:
    with either.database.transaction() as connection:
        for _ in range(3):
            assert send(connection, ECHO, VALUES) == [ANSWER]
        assert driver(connection).execute(ECHO.replace("%(bytes)b", "%(bytes)s"), VALUES).fetchall() == [
            ANSWER
        ]
        assert send(connection, ECHO, {**VALUES, "text": "nothing"}) == []


def sent(runtime: Runtime, statement: Statement, values: Mapping[str, object], *, before: str = "") -> Any:
    """The rows of one statement in a transaction of its own, after another one."""
    with runtime.database.transaction() as connection:
        if before:
            driver(connection).execute(before)
        return send(connection, statement, values)


def test_a_text_with_nul_is_refused_and_not_cut(either: Runtime) -> None:
    with pytest.raises(ValueError, match="NUL"):
        sent(either, ECHO, {**VALUES, "text": "né\0x"})


@pytest.mark.parametrize(
    ("sql", "value", "kind"),
    [
        ("SELECT %(text)s::bigint", "x", psycopg.errors.InvalidTextRepresentation),
        ("SELECT nothing FROM %(text)s", "x", psycopg.errors.SyntaxError),
        ("SELECT pg_sleep(%(text)s::float8)", "5", psycopg.errors.QueryCanceled),
    ],
)
def test_an_error_is_the_drivers_own(
    either: Runtime, sql: str, value: str, kind: type[psycopg.Error]
) -> None:
    with pytest.raises((psycopg.Error, DatabaseUnavailable)) as caught:
        sent(either, Statement(sql), {"text": value}, before="SET LOCAL statement_timeout = 20")
    cause = caught.value.__cause__ if isinstance(caught.value, DatabaseUnavailable) else caught.value
    assert isinstance(cause, kind)
    assert cause.diag.sqlstate == kind.sqlstate


def insert_and_fail(runtime: Runtime) -> None:
    with runtime.database.transaction() as connection:
        assert send(connection, INSERT, {"id": "A-1"}) == [("A-1",)]
        raise RuntimeError


def test_it_is_one_transaction_with_everything_else(either: Runtime, owner: psycopg.Connection[Any]) -> None:
    owner.execute("GRANT INSERT ON sites TO counterfoil_app")
    with pytest.raises(RuntimeError):
        insert_and_fail(either)
    assert sent(either, INSERT, {"id": "A-2"}) == [("A-2",)]
    assert owner.execute("SELECT site_id FROM sites WHERE name = 'x'").fetchall() == [("A-2",)]


def prepare_and_fail(runtime: Runtime) -> None:
    with runtime.database.transaction() as connection:
        send(connection, ECHO, VALUES)
        driver(connection).execute("SELECT 1/0", prepare=True)


def test_after_a_rollback_all_is_prepared_anew(either: Runtime) -> None:
    """The driver forgets what it prepared when a transaction is given up, and tells the server."""
    for _ in range(3):
        with pytest.raises(psycopg.Error):
            prepare_and_fail(either)
        assert sent(either, ECHO, VALUES) == [ANSWER]


def lose_the_connection(runtime: Runtime, owner: psycopg.Connection[Any]) -> None:
    with runtime.database.transaction() as connection:
        send(connection, ECHO, VALUES)
        owner.execute("SELECT pg_terminate_backend(%s, 5000)", [driver(connection).info.backend_pid])
        send(connection, ECHO, VALUES)


def test_a_lost_connection_is_the_database_unwell(runtime: Runtime, owner: psycopg.Connection[Any]) -> None:
    with pytest.raises(DatabaseUnavailable):
        lose_the_connection(runtime, owner)
    assert sent(runtime, ECHO, VALUES) == [ANSWER]


def test_a_statement_alone_needs_no_transaction(runtime: Runtime) -> None:
    with runtime.database.statement() as connection:
        assert send(connection, ECHO, VALUES) == [ANSWER]
        assert driver(connection).info.transaction_status == psycopg.pq.TransactionStatus.IDLE
