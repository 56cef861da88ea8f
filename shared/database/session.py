"""A session that knows a short way for the hot statements: the driver's own lower level (psycopg.pq).

A statement is written with named parameters like any other, and compiled once. Its values are texts already, or run as
bytes where it says `%(name)b`; the server knows their types from where they stand. The usual way, through a cursor,
looks at every value's type, keeps a cursor and waits in Python: measured at 50 µs a statement, where the server itself
takes 20 to 100. What is answered are the values a cursor gives.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import pq
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result

from shared.database.statement import OTHERWISE, Routine, Statement, Value

_ANSWERED = frozenset({pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK})
_IDLE = pq.TransactionStatus.IDLE
# The role may make no temporary objects.
_NOT_ALLOWED = "42501"


class Session(psycopg.Connection[Any]):
    """A connection of the pool. Used by one thread at a time, as every connection is between checkout and return."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._names: dict[Statement, bytes] = {}
        self._loader = Transformer(self)

    def send(self, statement: Statement, values: Mapping[str, Value]) -> list[tuple[Any, ...]]:
        """The statement's rows; the transaction is begun if none is. Raises the driver's errors."""
        parameters = statement.encoded(values)
        self._begin_unless_begun()
        answer = self.ask(statement, parameters)
        if answer.ntuples == 0:
            return []
        self._loader.set_pgresult(answer)
        return self._loader.load_rows(0, answer.ntuples, tuple)

    def call(self, routine: Routine, values: Mapping[str, Value]) -> list[tuple[Any, ...]]:
        """A routine's row in a transaction of its own; none where the call was not for it, or no routine may be made.

        Raises the driver's errors.
        """
        try:
            if routine not in self._names:
                self.tell(routine.definition.encode())
            return self.send(routine, values)
        except psycopg.Error as error:
            if error.sqlstate not in (OTHERWISE, _NOT_ALLOWED):
                raise
            return []

    def commit(self) -> None:
        """As the driver's, without its waiting in Python."""
        if self._num_transactions or self._pipeline or self._tpc:
            super().commit()
        elif self.pgconn.transaction_status != _IDLE:
            self.tell(b"COMMIT")

    def rollback(self) -> None:
        """As the driver's, which forgets what it prepared; what was prepared here goes the same way."""
        was_begun = self.pgconn.transaction_status != _IDLE
        super().rollback()
        if was_begun and self._names:
            self._names.clear()
            self.tell(b"DEALLOCATE ALL")

    def tell(self, command: bytes) -> None:
        """Send a command without parameters. Raises the driver's errors."""
        self._checked(self.pgconn.exec_(command))

    def _begin_unless_begun(self) -> None:
        if self.pgconn.transaction_status == _IDLE and not self._autocommit:
            self.tell(self._get_tx_start_command())

    def ask(self, statement: Statement, parameters: Sequence[bytes | None]) -> "pq.abc.PGresult":
        """Send one statement and wait for its answer. Raises the driver's errors."""
        # The driver takes None for NULL and does not say so.
        values: Sequence[Any] = parameters
        if self.prepare_threshold is None:
            return self._checked(self.pgconn.exec_params(statement.compiled, values, None, statement.formats))
        name = self._names.get(statement)
        if name is None:
            name = b"hot_%d" % (len(self._names) + 1)
            self._checked(self.pgconn.prepare(name, statement.compiled))
            self._names[statement] = name
        return self._checked(self.pgconn.exec_prepared(name, values, statement.formats))

    def _checked(self, answer: "pq.abc.PGresult") -> "pq.abc.PGresult":
        if answer.status in _ANSWERED:
            return answer
        error = error_from_result(answer)
        # The server names every error it gives; one without a name is the connection's.
        raise error if error.sqlstate else psycopg.OperationalError(str(error))
