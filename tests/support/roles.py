"""Connections as the roles of an installation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from tests.support.migrated import libpq
from tests.support.postgres import ClonedDatabase
from tests.support.runtime import APP_PASSWORD

MIGRATOR, APP, AUDITOR = "counterfoil_migrator", "counterfoil_app", "counterfoil_auditor"
RETENTION = "counterfoil_retention"


@contextmanager
def connected_as(database: ClonedDatabase, role: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection of that role, in autocommit."""
    with psycopg.connect(libpq(database.url_as(role, APP_PASSWORD)), autocommit=True) as connection:
        yield connection


def refusal(connection: psycopg.Connection[Any], statement: str) -> str | None:
    """The SQLSTATE with which the database refuses a statement, None when it takes it."""
    try:
        connection.execute(statement)
    except psycopg.Error as error:
        return error.sqlstate
    return None
