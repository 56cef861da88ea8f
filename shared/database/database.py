"""Transactions: the use case opens one, stores never commit, nothing talks to the network inside.

The driver is imported with the first connection: an instance is indexed and ready before it needs a database.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Engine, exc

from shared.errors.base import DatabaseUnavailable

if TYPE_CHECKING:
    import psycopg

    from shared.database.session import Session
    from shared.database.statement import Routine, Statement, Value

# A snapshot that stays still over several statements, and that can write nothing.
_READING = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
# The same, and it writes what was read by whom.
_RECORDING = {"isolation_level": "REPEATABLE READ"}
_STATEMENT = {"isolation_level": "AUTOCOMMIT"}


@dataclass(frozen=True)
class _Engines:
    """One pool under three ways to open a transaction."""

    transaction: Engine
    reading: Engine
    recording: Engine
    statement: Engine


class Database:
    """Hands out connections; every failure to reach the server becomes DatabaseUnavailable."""

    def __init__(self, build: Callable[[], Engine]) -> None:
        """`build` is called once, at the first use."""
        self._build = build
        self._built: _Engines | None = None
        self._building = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One READ COMMITTED transaction: commits on return, rolls back on any exception."""
        with _reachable(), self._engines().transaction.begin() as connection:
            yield connection

    @contextmanager
    def rehearsal(self) -> Iterator[Connection]:
        """The same, rolled back whatever happens: to find out what a transaction would do."""
        with (
            _reachable(),
            self._engines().transaction.connect() as connection,
            connection.begin() as transaction,
        ):
            try:
                yield connection
            finally:
                transaction.rollback()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Several statements that see one state: REPEATABLE READ, read only."""
        with _reachable(), self._engines().reading.begin() as connection:
            yield connection

    @contextmanager
    def recording(self) -> Iterator[Connection]:
        """The same, and what is inserted inside is committed with it: for a read that is recorded."""
        with _reachable(), self._engines().recording.begin() as connection:
            yield connection

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """A single reading statement, without the round trips of BEGIN and COMMIT."""
        with _reachable(), self._engines().statement.connect() as connection:
            yield connection

    def dispose(self) -> None:
        """Close every pooled connection."""
        if self._built is not None:
            self._built.transaction.dispose()

    def _engines(self) -> _Engines:
        if self._built is None:
            with self._building:
                if self._built is None:
                    engine = self._build()
                    reading = engine.execution_options(**_READING)
                    recording = engine.execution_options(**_RECORDING)
                    statement = engine.execution_options(**_STATEMENT)
                    self._built = _Engines(engine, reading, recording, statement)
        return self._built


def driver(connection: Connection) -> "psycopg.Connection[Any]":
    """The psycopg connection under a transaction, for the hot path: same session, same transaction."""
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)


def send(
    connection: Connection, statement: "Statement", values: "Mapping[str, Value]"
) -> list[tuple[Any, ...]]:
    """The rows of a hot statement, by the session's short way; same session, same transaction."""
    return cast("Session", connection.connection.driver_connection).send(statement, values)


def call(connection: Connection, routine: "Routine", values: "Mapping[str, Value]") -> list[tuple[Any, ...]]:
    """The row of a routine, which is a transaction of its own: the connection is one that `statement()` gave."""
    return cast("Session", connection.connection.driver_connection).call(routine, values)


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except exc.TimeoutError as error:
        raise DatabaseUnavailable("no database connection came free in time") from error
    except Exception as error:
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        if not _is_unwell(cause):
            raise
        raise DatabaseUnavailable(_sentence(cause)) from error


def _is_unwell(error: BaseException | None) -> bool:
    """Whether the server, the way to it or the session failed, and not the statement."""
    import psycopg

    # The last one is an internal error to the driver, but it is the server that ended the session.
    ended = psycopg.errors.IdleInTransactionSessionTimeout
    # And this one is an operational error to the driver, but it is the row that is too large for the server.
    if isinstance(error, psycopg.errors.ProgramLimitExceeded):
        return False
    return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError, ended))


def _sentence(error: BaseException | None) -> str:
    return " ".join(str(error).split())[:500]
