"""The session's server for tests: one template, a database per test, nothing left behind."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, text

from tests.support.postgres import FOLDER_VARIABLE, SharedPostgres


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedPostgres]:
    """A second session beside the real one, so that its beginning and end can be tested."""
    real = os.environ.get(FOLDER_VARIABLE)
    session = SharedPostgres.open_session()
    yield session
    session.close_session()
    del os.environ[FOLDER_VARIABLE]
    if real is not None:
        os.environ[FOLDER_VARIABLE] = real


def test_concurrent_tests_get_their_own_copies_of_one_template(shared: SharedPostgres) -> None:
    prepared: list[str] = []
    counts: list[int] = []

    def prepare(url: str) -> None:
        prepared.append(url)
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE filled AS SELECT 1 AS number")

    def work() -> None:
        for _ in range(5):
            with (
                shared.create_database_from("concurrent", prepare) as database,
                psycopg.connect(shared.dsn(database.name)) as connection,
            ):
                connection.execute("INSERT INTO filled VALUES (2)")
                row = connection.execute("SELECT count(*) FROM filled").fetchone()
                assert row is not None
                counts.append(row[0])

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(prepared) == 1
    assert counts == [2] * 10


def test_a_database_is_dropped_even_with_connections_open(shared: SharedPostgres) -> None:
    with shared.create_database_from("careful", lambda _: None) as database:
        left_open = psycopg.connect(shared.dsn(database.name))
    with psycopg.connect(shared.dsn()) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database.name]).fetchone()
    left_open.close()
    assert found is None


def test_a_failed_preparation_is_not_remembered(shared: SharedPostgres) -> None:
    def fail(url: str) -> None:
        raise ConnectionError(url)

    with pytest.raises(ConnectionError), shared.create_database_from("second_try", fail):
        pass
    with shared.create_database_from("second_try", lambda _: None) as database:
        assert database.url.endswith(database.name)


def test_another_login_gets_its_own_url(shared: SharedPostgres) -> None:
    with shared.create_database_from("logins", lambda _: None) as database:
        with psycopg.connect(shared.dsn(), autocommit=True) as connection:
            connection.execute("CREATE ROLE visitor LOGIN PASSWORD 'se/cret'")
        engine = create_engine(database.url_as("visitor", "se/cret"))
        with engine.connect() as connection_as_visitor:
            assert connection_as_visitor.execute(text("SELECT current_user")).scalar_one() == "visitor"
        engine.dispose()


def test_a_session_without_database_tests_starts_nothing_and_leaves_nothing() -> None:
    real = os.environ.get(FOLDER_VARIABLE)
    session = SharedPostgres.open_session()
    folder = Path(os.environ[FOLDER_VARIABLE])
    if real is not None:
        os.environ[FOLDER_VARIABLE] = real
    assert [entry.name for entry in folder.iterdir()] == ["controller"]
    session.close_session()
    assert not folder.exists()
