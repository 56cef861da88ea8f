"""A database whose transactions are rolled back: what a change would come to, without making it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from shared.database.database import Database


class RehearsedDatabase(Database):
    """Every transaction of use cases ends in a rollback; reads go on as they do."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self.rehearsal() as connection:
            yield connection
