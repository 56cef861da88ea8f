"""A runtime that counts what it asks of the database: transactions, how they ended, savepoints and statements."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from shared.database import Database
from shared.database.engine import build_engine
from shared.runtime import Runtime


def _counting(engine: Engine, counts: Counter[str]) -> Engine:
    class CountingCursor(psycopg.Cursor[Any]):
        def execute(self, *args: Any, **kwargs: Any) -> Any:
            counts["statements"] += 1
            return super().execute(*args, **kwargs)

        def executemany(self, *args: Any, **kwargs: Any) -> None:
            counts["statements"] += 1
            super().executemany(*args, **kwargs)

    def count(name: str) -> Any:
        return lambda *_: counts.update([name])

    for name in ("begin", "commit", "rollback", "savepoint"):
        event.listen(engine, name, count(name))

    @event.listens_for(engine, "connect")
    def _use(connection: Any, _record: Any) -> None:
        connection.cursor_factory = CountingCursor

    return engine


@contextmanager
def counted(runtime: Runtime) -> Iterator[tuple[Runtime, Counter[str]]]:
    """The same runtime on an engine of its own, and its counts: begin, commit, rollback, savepoint, statements."""
    counts: Counter[str] = Counter()
    database = Database(lambda: _counting(build_engine(runtime.settings, "counterfoil-counted"), counts))
    try:
        yield replace(runtime, database=database), counts
    finally:
        database.dispose()
