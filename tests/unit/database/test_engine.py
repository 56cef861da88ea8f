"""The engine's pool on a real server: bounded waits, dead connections, time limits."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url

from shared.database import Database
from shared.database.database import driver
from shared.database.engine import IDLE_SECONDS_BEFORE_PING, build_engine
from shared.errors.base import DatabaseUnavailable
from tests.support.postgres import ClonedDatabase, SharedPostgres
from tests.support.runtime import BASE_SETTINGS, settings_for

BACKEND = text("SELECT pg_backend_pid()")


@contextmanager
def engine_on(url: str, **changes: str) -> Iterator[Engine]:
    engine = build_engine(settings_for(url, **changes), "counterfoil-engine-test")
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine with a single connection, whose loss nobody can overlook."""
    with engine_on(database_url, DATABASE_POOL_SIZE="1", DATABASE_POOL_TIMEOUT_SECONDS="0.2") as built:
        yield built


def backend_of(database: Database) -> int:
    with database.statement() as connection:
        return int(connection.execute(BACKEND).scalar_one())


def end_backend(owner: psycopg.Connection[Any], backend: int) -> None:
    """End a server process and wait until it is gone."""
    assert owner.execute("SELECT pg_terminate_backend(%s, 5000)", [backend]).fetchone() == (True,)


def lay_idle(engine: Engine, seconds: float) -> None:
    """Let the pooled connection look as if it had lain there that long."""
    with engine.connect() as connection:
        info = connection.info
    info["idle_since"] -= seconds


def test_nothing_connects_before_the_first_use() -> None:
    with engine_on(BASE_SETTINGS["DATABASE_URL"]) as engine:
        assert engine.pool.checkedin() == 0  # type: ignore[attr-defined]  # a queue pool


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with engine_on(BASE_SETTINGS["DATABASE_URL"]) as engine:
        database = Database(lambda: engine)
        for use in (database.transaction, database.reading, database.statement):
            with pytest.raises(DatabaseUnavailable), use():
                pass


def test_a_wrong_password_is_unavailable_and_stays_secret(database_url: str) -> None:
    wrong = make_url(database_url).set(password="not-the-password").render_as_string(hide_password=False)
    with (
        engine_on(wrong) as engine,
        pytest.raises(DatabaseUnavailable) as caught,
        Database(lambda: engine).statement(),
    ):
        pass
    assert "not-the-password" not in caught.value.detail


def test_a_session_carries_the_applications_name(engine: Engine) -> None:
    with engine.connect() as connection:
        shown = connection.execute(text("SELECT current_setting('application_name')")).scalar()
    assert shown == "counterfoil-engine-test"


def test_no_connection_free_in_time_is_unavailable(engine: Engine) -> None:
    database = Database(lambda: engine)
    with database.transaction(), pytest.raises(DatabaseUnavailable), database.statement():
        pass
    assert backend_of(database) > 0


def test_a_waiting_caller_takes_the_connection_that_comes_free(database_url: str) -> None:
    with engine_on(database_url, DATABASE_POOL_SIZE="1", DATABASE_POOL_TIMEOUT_SECONDS="20") as engine:
        database, waited = Database(lambda: engine), []
        with database.transaction() as connection:
            backend = connection.execute(BACKEND).scalar()
            waiting = threading.Thread(target=lambda: waited.append(backend_of(database)))
            waiting.start()
        waiting.join(20)
        assert waited == [backend]


def test_the_pool_never_opens_more_than_its_size(database_url: str, owner: psycopg.Connection[Any]) -> None:
    with engine_on(database_url, DATABASE_POOL_SIZE="2", DATABASE_POOL_TIMEOUT_SECONDS="20") as engine:
        database = Database(lambda: engine)
        together = [threading.Thread(target=backend_of, args=[database]) for _ in range(8)]
        for each in together:
            each.start()
        for each in together:
            each.join(20)
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'counterfoil-engine-test'"
        counted = owner.execute(query + " AND datname = current_database()").fetchone()
        assert counted is not None
        assert 1 <= counted[0] <= 2


def test_a_connection_that_died_while_idle_is_replaced_before_anyone_uses_it(
    engine: Engine, owner: psycopg.Connection[Any]
) -> None:
    database = Database(lambda: engine)
    first = backend_of(database)
    lay_idle(engine, IDLE_SECONDS_BEFORE_PING + 1)
    end_backend(owner, first)
    second = backend_of(database)
    assert second != first
    assert backend_of(database) == second


def test_a_connection_that_lives_is_kept_after_the_ping(engine: Engine) -> None:
    database = Database(lambda: engine)
    first = backend_of(database)
    lay_idle(engine, IDLE_SECONDS_BEFORE_PING + 1)
    assert backend_of(database) == first


def test_a_connection_that_died_in_use_is_unavailable_once(
    engine: Engine, owner: psycopg.Connection[Any]
) -> None:
    database = Database(lambda: engine)
    first = backend_of(database)
    end_backend(owner, first)
    with pytest.raises(DatabaseUnavailable):
        backend_of(database)
    assert backend_of(database) != first


def test_a_connection_that_died_inside_a_transaction_is_unavailable(
    engine: Engine, owner: psycopg.Connection[Any]
) -> None:
    database = Database(lambda: engine)

    def transact() -> None:
        with database.transaction() as connection:
            end_backend(owner, connection.execute(BACKEND).scalar_one())
            connection.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        transact()
    assert backend_of(database) > 0


def test_a_database_that_came_back_is_used_again(
    engine: Engine, database: ClonedDatabase, postgres: SharedPostgres
) -> None:
    asked = Database(lambda: engine)
    backend = backend_of(asked)
    with psycopg.connect(postgres.dsn(), autocommit=True) as server:
        server.execute(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS false'.encode())
        end_backend(server, backend)
        for _attempt in range(3):
            with pytest.raises(DatabaseUnavailable):
                backend_of(asked)
        server.execute(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS true'.encode())
    assert backend_of(asked) != backend


@pytest.mark.parametrize(
    ("limit", "statement"),
    [
        ("statement_timeout", "SELECT pg_sleep(20)"),
        ("lock_timeout", "SELECT FROM sites FOR UPDATE"),
    ],
)
def test_a_time_limit_makes_the_database_unavailable_and_not_the_caller_wait(
    engine: Engine, owner: psycopg.Connection[Any], limit: str, statement: str
) -> None:
    database = Database(lambda: engine)

    def wait_in_vain() -> None:
        with database.transaction() as connection:
            connection.execute(text(f"SET LOCAL {limit} = '100ms'"))
            connection.execute(text(statement))

    with owner.transaction():
        owner.execute("LOCK TABLE sites")
        with pytest.raises(DatabaseUnavailable):
            wait_in_vain()
    assert backend_of(database) > 0


def ask_the_engine(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))


def ask_the_driver(connection: Connection) -> None:
    driver(connection).execute("SELECT 1")


@pytest.mark.parametrize("ask", [ask_the_engine, ask_the_driver])
def test_a_session_ended_for_idling_in_a_transaction_is_unavailable(
    engine: Engine, owner: psycopg.Connection[Any], ask: Callable[[Connection], None]
) -> None:
    database, ended = Database(lambda: engine), []

    def idle_and_ask() -> None:
        with database.transaction() as connection:
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
            ended.append(driver(connection).info.backend_pid)
            wait_until_gone(owner, ended[0])
            ask(connection)

    with pytest.raises(DatabaseUnavailable):
        idle_and_ask()
    assert backend_of(database) != ended[0]


def wait_until_gone(owner: psycopg.Connection[Any], backend: int) -> None:
    deadline = time.monotonic() + 20
    while owner.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [backend]).fetchone():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_roles_time_limits_hold_in_every_session(engine: Engine) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "timezone")
    with engine.connect() as connection:
        limits = [connection.execute(text(f"SHOW {name}")).scalar() for name in names]
    assert limits == ["30s", "10s", "1min", "UTC"]
