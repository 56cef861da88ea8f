"""Fixtures every room's tests share: one PostgreSQL per session, a migrated database and a runtime per test."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.migrated import app_url, libpq, prepare_migrated
from tests.support.postgres import ClonedDatabase, SharedPostgres
from tests.support.runtime import runtime_for

_SESSION: list[SharedPostgres] = []


def pytest_configure(config: pytest.Config) -> None:
    """The controlling process opens the server's session; xdist workers inherit its folder."""
    if not hasattr(config, "workerinput"):
        _SESSION.append(SharedPostgres.open_session())


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput") and _SESSION:
        _SESSION.pop().close_session()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A parallel run keeps together what shares a server."""
    from tests.support.scheduling import ScopedScheduling

    return ScopedScheduling(config, log)


@pytest.fixture
def postgres() -> SharedPostgres:
    """The session's server."""
    return SharedPostgres.of_session()


@pytest.fixture
def database(postgres: SharedPostgres) -> Iterator[ClonedDatabase]:
    """A migrated database of the test's own, with three sites."""
    with postgres.create_database_from("migrated", prepare_migrated) as clone:
        yield clone


@pytest.fixture
def database_url(database: ClonedDatabase) -> str:
    """That database as the application's role."""
    return app_url(database)


@pytest.fixture
def runtime(database_url: str) -> Iterator[Runtime]:
    """A runtime on that database: the clock stands, the broker answers, telemetry is kept."""
    built = runtime_for(database_url)
    yield built
    built.database.dispose()


@pytest.fixture
def owner(database: ClonedDatabase) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection in autocommit, to look at and to prepare rows."""
    with psycopg.connect(libpq(database.url), autocommit=True) as connection:
        yield connection
