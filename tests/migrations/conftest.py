"""Databases before their first migration."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from tests.support.migrated import libpq
from tests.support.postgres import ClonedDatabase, SharedPostgres
from tests.support.roles import MIGRATOR


def leave_empty(_url: str) -> None:
    """A template without anything in it."""


@pytest.fixture
def empty(postgres: SharedPostgres, database: ClonedDatabase) -> Iterator[ClonedDatabase]:
    """A database without any table that belongs to the migrator.

    The roles belong to the whole server; the migrated database brought them.
    """
    assert database.name
    with postgres.create_database_from("empty", leave_empty) as clone:
        with psycopg.connect(libpq(clone.url), autocommit=True) as connection:
            statement = sql.SQL("ALTER DATABASE {} OWNER TO {}")
            connection.execute(statement.format(sql.Identifier(clone.name), sql.Identifier(MIGRATOR)))
        yield clone
