"""A runtime that counts what it asks of the database: transactions, how they ended, savepoints and statements."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import pq
from sqlalchemy import Engine, event

from shared.database import Database
from shared.database.engine import build_engine
from shared.database.session import Session
from shared.database.statement import Statement
from shared.runtime import Runtime
from shared.settings import Settings


def _counting(settings: Settings, counts: Counter[str]) -> Engine:
    class CountingCursor(psycopg.Cursor[Any]):
        def execute(self, *args: Any, **kwargs: Any) -> Any:
            counts["statements"] += 1
            return super().execute(*args, **kwargs)

        def executemany(self, *args: Any, **kwargs: Any) -> None:
            counts["statements"] += 1
            super().executemany(*args, **kwargs)

    class CountingSession(Session):
        def ask(self, statement: Statement, parameters: Sequence[bytes | None]) -> pq.abc.PGresult:
            counts["statements"] += 1
            return super().ask(statement, parameters)

    def connect(*arguments: Any, **named: Any) -> Session:
        session = CountingSession.connect(*arguments, **named)
        session.cursor_factory = CountingCursor
        return session

    def count(name: str) -> Any:
        return lambda *_: counts.update([name])

    engine = build_engine(settings, "counterfoil-counted", connect=connect)
    for name in ("begin", "commit", "rollback", "savepoint"):
        event.listen(engine, name, count(name))
    return engine


@contextmanager
def counted(runtime: Runtime) -> Iterator[tuple[Runtime, Counter[str]]]:
    """The same runtime on an engine of its own, and its counts: begin, commit, rollback, savepoint, statements."""
    counts: Counter[str] = Counter()
    database = Database(lambda: _counting(runtime.settings, counts))
    # What a new session asks for once is not counted.
    with database.statement():
        pass
    counts.clear()
    try:
        yield replace(runtime, database=database), counts
    finally:
        database.dispose()
