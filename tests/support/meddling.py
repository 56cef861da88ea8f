"""Sessions whose statements can be met: counted, replaced by others, or accompanied by a disaster.

The product knows nothing of this: a test hands it a Runtime whose engine connects with the class below.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Self

import psycopg
from psycopg import pq
from psycopg.abc import PQGen
from sqlalchemy import Engine

from shared.database import Database
from shared.database.engine import build_engine
from shared.database.session import Session
from shared.database.statement import Statement
from shared.runtime import Runtime
from tests.support.runtime import runtime_for

Act = Callable[[], str | None]


def nothing() -> None:
    """No disaster."""


class Meddler:
    """Counts statements from arm() on, and acts before or after the one it was told.

    What an act before it returns is sent instead of the statement.
    """

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.met = ""
        self._at = 0
        self._armed = False
        self._before: Act = nothing
        self._after: Act = nothing

    def arm(self, at: int, *, before: Act = nothing, after: Act = nothing) -> None:
        """Act at the statement with this number, counted from 1."""
        self.sent, self.met = [], ""
        self._at, self._before, self._after, self._armed = at, before, after, True

    def disarm(self) -> None:
        self._armed = False

    def begin(self, statement: object) -> str | None:
        """A statement is about to be sent; what to send instead, if anything."""
        if not self._armed:
            return None
        self.sent.append(_text(statement))
        if len(self.sent) != self._at:
            return None
        self.met = self.sent[-1]
        return self._before()

    def end(self, number: int) -> None:
        """The statement with this number was answered."""
        if self._armed and number == self._at:
            self._after()


class MeddledConnection(Session):
    """Tells its meddler of BEGIN, COMMIT, ROLLBACK, savepoints and hot statements; its cursors tell of the rest."""

    meddler = Meddler()

    def tell(self, command: bytes) -> None:
        instead = self.meddler.begin(command)
        number = len(self.meddler.sent)
        super().tell(command if instead is None else instead.encode())
        self.meddler.end(number)

    def ask(self, statement: Statement, parameters: Sequence[bytes | None]) -> pq.abc.PGresult:
        instead = self.meddler.begin(statement)
        number = len(self.meddler.sent)
        plain = None if instead is None else Statement(instead)
        answer = super().ask(plain or statement, parameters if plain is None else [])
        self.meddler.end(number)
        return answer

    def _exec_command(self, command: Any, result_format: pq.Format = pq.Format.TEXT) -> PQGen[Any]:
        instead = self.meddler.begin(command)
        number = len(self.meddler.sent)
        result = yield from super()._exec_command(command if instead is None else instead, result_format)
        self.meddler.end(number)
        return result


class MeddledCursor(psycopg.Cursor[Any]):
    """A statement counts once, with however many sets of parameters it is sent."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        meddler = self._meddler()
        instead = meddler.begin(query)
        number = len(meddler.sent)
        if instead is None:
            super().execute(query, params, **options)
        else:
            super().execute(instead.encode())
        meddler.end(number)
        return self

    def executemany(self, query: Any, params_seq: Iterable[Any], **options: Any) -> None:
        meddler = self._meddler()
        instead = meddler.begin(query)
        number = len(meddler.sent)
        if instead is None:
            super().executemany(query, params_seq, **options)
        else:
            super().execute(instead.encode())
        meddler.end(number)

    def _meddler(self) -> Meddler:
        assert isinstance(self.connection, MeddledConnection)
        return self.connection.meddler


def meddled_runtime(url: str, meddler: Meddler, **changes: str) -> Runtime:
    """The usual runtime of tests, whose every statement the meddler meets; dispose its database at the end."""
    plain = runtime_for(url, **changes)
    return replace(plain, database=Database(lambda: _engine(plain, meddler)))


def _engine(runtime: Runtime, meddler: Meddler) -> Engine:
    def connect(*arguments: Any, **named: Any) -> Session:
        session = MeddledConnection.connect(*arguments, **named)
        session.meddler = meddler
        session.cursor_factory = MeddledCursor
        return session

    return build_engine(runtime.settings, "counterfoil-test", connect=connect)


def _text(statement: object) -> str:
    text = statement.decode() if isinstance(statement, bytes) else str(statement)
    return " ".join(text.split())
