"""Transactions: the use case opens one, stores never commit, nothing talks to the network inside."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from sqlalchemy import Connection, Engine, exc

from shared.errors.base import DatabaseUnavailable

# A snapshot that stays still over several statements, and that can write nothing.
_READING = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_STATEMENT = {"isolation_level": "AUTOCOMMIT"}


class Database:
    """Hands out connections; every failure to reach the server becomes DatabaseUnavailable."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reading = engine.execution_options(**_READING)
        self._statement = engine.execution_options(**_STATEMENT)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One READ COMMITTED transaction: commits on return, rolls back on any exception."""
        with _reachable(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Several statements that see one state: REPEATABLE READ, read only."""
        with _reachable(), self._reading.begin() as connection:
            yield connection

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """A single reading statement, without the round trips of BEGIN and COMMIT."""
        with _reachable(), self._statement.connect() as connection:
            yield connection

    def dispose(self) -> None:
        """Close every pooled connection."""
        self._engine.dispose()


def driver(connection: Connection) -> psycopg.Connection[Any]:
    """The psycopg connection under a transaction, for the hot path: same session, same transaction."""
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except exc.TimeoutError as error:
        raise DatabaseUnavailable("no database connection came free in time") from error
    except (exc.OperationalError, exc.InterfaceError) as error:
        raise DatabaseUnavailable(_sentence(error.orig)) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise DatabaseUnavailable(_sentence(error)) from error


def _sentence(error: BaseException | None) -> str:
    return " ".join(str(error).split())[:500]
