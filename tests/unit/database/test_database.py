"""Transactions: committed as a whole or not at all; readers see one state and write nothing."""

import threading
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, exc, text

from shared.database import Database, constraint_name
from shared.database.database import driver
from shared.database.engine import build_engine
from shared.database.readiness import is_ready
from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime
from tests.support.runtime import BASE_SETTINGS, runtime_for, settings_for

RENAME = text("UPDATE sites SET name = 'Other' WHERE site_id = 'KR-SEOUL'")
NAME = text("SELECT name FROM sites WHERE site_id = 'KR-SEOUL'")


@pytest.fixture
def readable(runtime: Runtime, owner: psycopg.Connection[Any]) -> Database:
    """A database whose application may also change sites."""
    owner.execute("GRANT UPDATE ON sites TO counterfoil_app")
    return runtime.database


def name_of_seoul(owner: psycopg.Connection[Any]) -> str:
    row = owner.execute("SELECT name FROM sites WHERE site_id = 'KR-SEOUL'").fetchone()
    assert row is not None
    return str(row[0])


def test_a_transaction_commits_at_its_end(readable: Database, owner: psycopg.Connection[Any]) -> None:
    with readable.transaction() as connection:
        connection.execute(RENAME)
        assert name_of_seoul(owner) == "Seoul"
    assert name_of_seoul(owner) == "Other"


@pytest.mark.parametrize("error", [ValueError, DatabaseUnavailable, KeyboardInterrupt])
def test_any_exception_takes_everything_back(
    readable: Database, owner: psycopg.Connection[Any], error: type[BaseException]
) -> None:
    def rename_and_fail() -> None:
        with readable.transaction() as connection:
            connection.execute(RENAME)
            raise error

    with pytest.raises(error):
        rename_and_fail()
    assert name_of_seoul(owner) == "Seoul"


def test_the_drivers_own_connection_is_in_the_same_transaction(
    readable: Database, owner: psycopg.Connection[Any]
) -> None:
    with readable.transaction() as connection:
        driver(connection).execute("UPDATE sites SET name = 'Other'")
        assert connection.execute(NAME).scalar() == "Other"
        assert name_of_seoul(owner) == "Seoul"
    assert name_of_seoul(owner) == "Other"


def test_a_reader_sees_one_state_and_writes_nothing(
    readable: Database, owner: psycopg.Connection[Any]
) -> None:
    with readable.reading() as connection:
        assert connection.execute(NAME).scalar() == "Seoul"
        owner.execute("UPDATE sites SET name = 'Other' WHERE site_id = 'KR-SEOUL'")
        assert connection.execute(NAME).scalar() == "Seoul"
    with pytest.raises(exc.DBAPIError) as caught, readable.reading() as connection:
        connection.execute(RENAME)
    assert isinstance(caught.value.orig, psycopg.errors.ReadOnlySqlTransaction)
    assert name_of_seoul(owner) == "Other"


def test_a_transaction_sees_what_others_commit(readable: Database, owner: psycopg.Connection[Any]) -> None:
    with readable.transaction() as connection:
        assert connection.execute(text("SHOW transaction_isolation")).scalar() == "read committed"
        assert connection.execute(NAME).scalar() == "Seoul"
        owner.execute("UPDATE sites SET name = 'Other' WHERE site_id = 'KR-SEOUL'")
        assert connection.execute(NAME).scalar() == "Other"


def test_a_mode_does_not_stick_to_the_pooled_connection(
    readable: Database, owner: psycopg.Connection[Any]
) -> None:
    with readable.reading() as connection:
        connection.execute(NAME)
    with readable.statement() as connection:
        assert connection.execute(text("SHOW transaction_read_only")).scalar() == "off"
    with readable.transaction() as connection:
        connection.execute(RENAME)
    assert name_of_seoul(owner) == "Other"


def test_a_violated_constraint_has_its_name(runtime: Runtime) -> None:
    statement = "INSERT INTO outbox (kind, dedupe_key, payload, created_at, available_at, state, finished_at)"
    with pytest.raises(exc.IntegrityError) as caught, runtime.database.transaction() as connection:
        connection.execute(text(f"{statement} VALUES ('A', 'k', '{{}}', now(), now(), 'ODD', now())"))
    assert constraint_name(caught.value) == "ck_outbox_state"
    assert constraint_name(caught.value.orig or caught.value) == "ck_outbox_state"


def test_other_failures_name_no_constraint(runtime: Runtime) -> None:
    with pytest.raises(exc.DBAPIError) as caught, runtime.database.statement() as connection:
        connection.execute(text("SELECT 1 / 0"))
    assert constraint_name(caught.value) is None
    assert constraint_name(ValueError()) is None


def test_ready_means_migrated(runtime: Runtime, owner: psycopg.Connection[Any]) -> None:
    assert is_ready(runtime.database)
    owner.execute("DELETE FROM alembic_version")
    assert not is_ready(runtime.database)
    owner.execute("DROP TABLE alembic_version")
    assert not is_ready(runtime.database)


def test_a_database_that_is_not_there_is_not_ready() -> None:
    runtime = runtime_for(BASE_SETTINGS["DATABASE_URL"])
    assert not is_ready(runtime.database)
    runtime.database.dispose()


def test_the_engine_is_built_once_and_at_the_first_use(database_url: str) -> None:
    built: list[Engine] = []

    def build() -> Engine:
        built.append(build_engine(settings_for(database_url)))
        return built[-1]

    database = Database(build)
    database.dispose()
    assert built == []
    asking = [threading.Thread(target=is_ready, args=[database]) for _ in range(8)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert is_ready(database)
    assert len(built) == 1
    database.dispose()
