"""The SQL of grants."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from shared.database import constraint_name
from shared.database.database import driver
from shared.database.scope import Sites, scope_values, site_condition
from shared.database.told import told
from shared.security.errors import GrantExists, GrantNotFound, LastAdministrator
from shared.security.grants.model import Grant

_COLUMNS = """grant_id, principal_id, role, site_id, all_sites, valid_from, valid_until, break_glass, reason,
    created_at, created_by, revoked_at, revoked_by, reviewed_at, reviewed_by"""
_IN_SCOPE = site_condition("site_id")
_LOCKED = f"SELECT {_COLUMNS} FROM grants WHERE grant_id = %(grant_id)s AND {_IN_SCOPE} FOR UPDATE"
_INSERT = f"""
INSERT INTO grants (grant_id, principal_id, role, site_id, all_sites, valid_from, valid_until, break_glass, reason,
    created_at, created_by)
VALUES (%(grant_id)s, %(principal_id)s, %(role)s, %(site_id)s, %(all_sites)s, %(valid_from)s, %(valid_until)s,
    %(break_glass)s, %(reason)s, %(now)s, %(by)s)
RETURNING {_COLUMNS}
"""
_REVOKE = f"""
UPDATE grants SET revoked_at = %(now)s, revoked_by = %(by)s WHERE grant_id = %(grant_id)s RETURNING {_COLUMNS}
"""
_REVIEW = f"""
UPDATE grants SET reviewed_at = %(now)s, reviewed_by = %(by)s WHERE grant_id = %(grant_id)s RETURNING {_COLUMNS}
"""
_PAGE = f"""
SELECT {_COLUMNS} FROM grants
WHERE {_IN_SCOPE} AND (%(principal_id)s::text IS NULL OR principal_id = %(principal_id)s)
  AND CASE WHEN %(unreviewed)s THEN break_glass AND reviewed_at IS NULL ELSE revoked_at IS NULL END
  AND (principal_id, grant_id) > (%(after_principal)s, %(after_grant)s)
ORDER BY principal_id, grant_id LIMIT %(limit)s
"""
_STANDS = {"uq_grants_site", "uq_grants_all"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A grant about to be written."""

    grant_id: str
    principal_id: str
    role: str
    site_id: str | None
    all_sites: bool
    valid_from: datetime
    valid_until: datetime | None
    break_glass: bool
    reason: str
    by: str


def insert_grant(connection: Connection, row: Row, now: datetime) -> Grant:
    """Raises GrantExists."""
    import psycopg

    try:
        found = driver(connection).execute(_INSERT, {**vars(row), "now": now})
    except psycopg.errors.UniqueViolation as error:
        if constraint_name(error) in _STANDS:
            raise GrantExists(f"{row.principal_id}: {row.role}") from error
        raise
    return _grant(found.fetchall()[0])


def lock_grant(connection: Connection, grant_id: str, scope: Sites) -> Grant:
    """The grant, to be changed. Raises GrantNotFound, also when it is for a site outside of the scope."""
    row = driver(connection).execute(_LOCKED, {"grant_id": grant_id, **scope_values(scope)}).fetchone()
    if row is None:
        raise GrantNotFound(grant_id)
    return _grant(row)


def revoke_grant(connection: Connection, grant_id: str, by: str, now: datetime) -> Grant:
    """The row was locked before. Raises LastAdministrator."""
    import psycopg

    try:
        found = driver(connection).execute(_REVOKE, {"grant_id": grant_id, "by": by, "now": now})
    except psycopg.IntegrityError as error:
        if constraint_name(error) == "last_administrator":
            raise LastAdministrator(grant_id) from error
        raise
    return _grant(found.fetchall()[0])


def review_grant(connection: Connection, grant_id: str, by: str, now: datetime) -> Grant:
    """The row was locked before."""
    found = driver(connection).execute(_REVIEW, {"grant_id": grant_id, "by": by, "now": now})
    return _grant(found.fetchall()[0])


def list_grants(
    connection: Connection,
    scope: Sites,
    *,
    principal_id: str | None,
    unreviewed: bool,
    after: tuple[str, str],
    limit: int,
) -> list[Grant]:
    """Standing grants of the scope, or the break-glass ones nobody reviewed yet, by principal."""
    values = {
        **scope_values(scope),
        "principal_id": principal_id,
        "unreviewed": unreviewed,
        "after_principal": after[0],
        "after_grant": after[1],
        "limit": limit,
    }
    return [_grant(row) for row in driver(connection).execute(_PAGE, values)]


def _grant(row: Any) -> Grant:
    return Grant(*told(row))
