"""The SQL of principals."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from shared.database import constraint_name
from shared.database.database import driver
from shared.database.scope import Sites, scope_values, site_condition
from shared.database.told import told
from shared.security.errors import LastAdministrator, PrincipalExists, PrincipalNotFound
from shared.security.principals.model import Principal

_COLUMNS = """principal_id, kind, name, issuer, subject, site_id, is_active, version, created_at, created_by,
    updated_at"""
_IN_SCOPE = site_condition("site_id")
_ONE = f"SELECT {_COLUMNS} FROM principals WHERE principal_id = %(principal_id)s AND {_IN_SCOPE}"
_PAGE = f"""
SELECT {_COLUMNS} FROM principals WHERE {_IN_SCOPE} AND principal_id > %(after)s
ORDER BY principal_id LIMIT %(limit)s
"""
_INSERT = f"""
INSERT INTO principals (principal_id, kind, name, issuer, subject, site_id, created_at, created_by, updated_at)
VALUES (%(principal_id)s, %(kind)s, %(name)s, %(issuer)s, %(subject)s, %(site_id)s, %(now)s, %(by)s, %(now)s)
RETURNING {_COLUMNS}
"""
_SWITCH = f"""
UPDATE principals SET is_active = %(is_active)s, version = version + 1, updated_at = %(now)s
WHERE principal_id = %(principal_id)s RETURNING {_COLUMNS}
"""
_ONE_OF_A_KIND = {"pk_principals", "uq_principals_issuer_subject"}


@dataclass(frozen=True)
class Row:
    """A principal about to be written."""

    principal_id: str
    kind: str
    name: str
    issuer: str | None
    subject: str | None
    site_id: str | None
    by: str


def get_principal(
    connection: Connection, principal_id: str, scope: Sites, *, lock: bool = False
) -> Principal:
    """The principal, to be changed when `lock`. Raises PrincipalNotFound, also when it is managed elsewhere."""
    values = {"principal_id": principal_id, **scope_values(scope)}
    row = driver(connection).execute(_ONE + (" FOR NO KEY UPDATE" if lock else ""), values).fetchone()
    if row is None:
        raise PrincipalNotFound(principal_id)
    return _principal(row)


def list_principals(connection: Connection, scope: Sites, *, after: str, limit: int) -> list[Principal]:
    """The principals managed in the scope behind an id, in order."""
    values = {**scope_values(scope), "after": after, "limit": limit}
    return [_principal(row) for row in driver(connection).execute(_PAGE, values)]


def insert_principal(connection: Connection, row: Row, now: datetime) -> Principal:
    """Raises PrincipalExists."""
    import psycopg

    try:
        found = driver(connection).execute(_INSERT, {**vars(row), "now": now})
    except psycopg.errors.UniqueViolation as error:
        if constraint_name(error) in _ONE_OF_A_KIND:
            raise PrincipalExists(row.principal_id) from error
        raise
    return _principal(found.fetchall()[0])


def switch_principal(connection: Connection, principal_id: str, is_active: bool, now: datetime) -> Principal:
    """Activate or deactivate; the row was locked before. Raises LastAdministrator."""
    import psycopg

    values = {"principal_id": principal_id, "is_active": is_active, "now": now}
    try:
        found = driver(connection).execute(_SWITCH, values)
    except psycopg.IntegrityError as error:
        if constraint_name(error) == "last_administrator":
            raise LastAdministrator(principal_id) from error
        raise
    return _principal(found.fetchall()[0])


def _principal(row: Any) -> Principal:
    return Principal(*told(row))
