"""The SQL of Counterfoil's own tokens."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from shared.database import constraint_name
from shared.database.database import driver
from shared.database.scope import Sites, scope_values, site_condition
from shared.database.told import told
from shared.security.errors import TokenNotFound, TokensTooMany
from shared.security.own_tokens.model import OwnToken

_COLUMNS = """t.token_id, t.principal_id, p.site_id, t.name, t.roles, t.sites, t.created_at, t.created_by, t.rotated_at,
    least(coalesce(t.rotated_at, t.created_at) + %(rotate_after)s, t.expires_at), t.expires_at, t.last_used_at,
    t.revoked_at, t.revoked_by"""
_FROM = "FROM tokens AS t JOIN principals AS p USING (principal_id)"
_IN_SCOPE = site_condition("p.site_id")
_ACTIVE = "t.revoked_at IS NULL AND t.expires_at > %(now)s"
_ONE = f"SELECT {_COLUMNS} {_FROM} WHERE t.token_id = %(token_id)s"
_LOCKED = f"{_ONE} AND {_ACTIVE} AND {_IN_SCOPE} FOR UPDATE OF t"
_COUNT = """
SELECT count(*) FROM tokens AS t WHERE t.principal_id = %(principal_id)s AND t.revoked_at IS NULL
  AND t.expires_at > %(now)s
"""
_INSERT = """
INSERT INTO tokens (token_id, principal_id, name, secret_sha256, roles, sites, created_at, created_by, expires_at)
VALUES (%(token_id)s, %(principal_id)s, %(name)s, %(secret_sha256)s, %(roles)s, %(sites)s, %(now)s, %(by)s,
    %(expires_at)s)
"""
# A rotated token lives as long again as it was given.
_ROTATE = """
UPDATE tokens SET secret_sha256 = %(secret_sha256)s, rotated_at = %(now)s,
    previous_sha256 = CASE WHEN %(overlap)s > interval '0' THEN secret_sha256 END,
    previous_until = CASE WHEN %(overlap)s > interval '0' THEN %(now)s::timestamptz + %(overlap)s END,
    expires_at = %(now)s::timestamptz + least(expires_at - coalesce(rotated_at, created_at), %(life)s)
WHERE token_id = %(token_id)s
"""
_REVOKE = "UPDATE tokens SET revoked_at = %(now)s, revoked_by = %(by)s WHERE token_id = %(token_id)s"
_PAGE = f"""
SELECT {_COLUMNS} {_FROM}
WHERE {_ACTIVE} AND {_IN_SCOPE} AND (%(principal_id)s::text IS NULL OR t.principal_id = %(principal_id)s)
  AND (t.principal_id, t.token_id) > (%(after_principal)s, %(after_token)s)
ORDER BY t.principal_id, t.token_id LIMIT %(limit)s
"""
_EXPIRING = f"""
SELECT {_COLUMNS} {_FROM}
WHERE {_ACTIVE} AND {_IN_SCOPE} AND p.is_active AND t.expires_at <= %(until)s
  AND (t.expires_at, t.token_id) > (%(after_time)s::timestamptz, %(after_token)s)
ORDER BY t.expires_at, t.token_id LIMIT %(limit)s
"""


_ONE_FOR_THE_OTHER = """
SELECT EXISTS (
    SELECT FROM tokens WHERE (principal_id, created_by) IN ((%(one)s, %(other)s), (%(other)s, %(one)s))
      AND expires_at > %(since)s AND (revoked_at IS NULL OR revoked_at > %(since)s))
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A token about to be written."""

    token_id: str
    principal_id: str
    name: str
    secret_sha256: bytes
    roles: list[str] | None
    sites: list[str] | None
    expires_at: datetime
    by: str


@dataclass(frozen=True)
class Moment:
    """When a token is looked at, and how long after its making it should be rotated."""

    now: datetime
    rotate_after: timedelta


def knew_token(connection: Connection, one: str, other: str, since: datetime) -> bool:
    """Whether one of two principals was shown a token of the other's that was alive at that time or later."""
    values = {"one": one, "other": other, "since": since}
    return bool(driver(connection).execute(_ONE_FOR_THE_OTHER, values).fetchall()[0][0])


def get_token(connection: Connection, token_id: str, at: Moment) -> OwnToken:
    """The token as it stands. Raises TokenNotFound."""
    row = driver(connection).execute(_ONE, {"token_id": token_id, **vars(at)}).fetchone()
    if row is None:
        raise TokenNotFound(token_id)
    return _token(row)


def lock_token(connection: Connection, token_id: str, scope: Sites, at: Moment) -> OwnToken:
    """An active token, to be changed. Raises TokenNotFound, also when its principal is managed elsewhere."""
    values = {"token_id": token_id, **vars(at), **scope_values(scope)}
    row = driver(connection).execute(_LOCKED, values).fetchone()
    if row is None:
        raise TokenNotFound(token_id)
    return _token(row)


def count_active(connection: Connection, principal_id: str, now: datetime) -> int:
    """How many active tokens a principal has; exact for who holds the principal's row."""
    row = driver(connection).execute(_COUNT, {"principal_id": principal_id, "now": now}).fetchall()[0]
    return int(row[0])


def insert_token(connection: Connection, row: Row, now: datetime) -> None:
    """Raises TokensTooMany."""
    import psycopg

    try:
        driver(connection).execute(_INSERT, {**vars(row), "now": now})
    except psycopg.IntegrityError as error:
        if constraint_name(error) == "tokens_active":
            raise TokensTooMany(row.principal_id) from error
        raise


def rotate_token(
    connection: Connection,
    token_id: str,
    secret_sha256: bytes,
    *,
    overlap: timedelta,
    life: timedelta,
    now: datetime,
) -> None:
    """A new secret; the old one is good for the overlap. The row was locked before."""
    values = {
        "token_id": token_id,
        "secret_sha256": secret_sha256,
        "overlap": overlap,
        "life": life,
        "now": now,
    }
    driver(connection).execute(_ROTATE, values)


def revoke_token(connection: Connection, token_id: str, by: str, now: datetime) -> None:
    """The row was locked before."""
    driver(connection).execute(_REVOKE, {"token_id": token_id, "by": by, "now": now})


def list_tokens(
    connection: Connection,
    scope: Sites,
    at: Moment,
    *,
    principal_id: str | None,
    after: tuple[str, str],
    limit: int,
) -> list[OwnToken]:
    """Active tokens of the principals managed in the scope, by principal."""
    values = {
        **scope_values(scope),
        **vars(at),
        "principal_id": principal_id,
        "after_principal": after[0],
        "after_token": after[1],
        "limit": limit,
    }
    return [_token(row) for row in driver(connection).execute(_PAGE, values)]


def list_expiring_tokens(
    connection: Connection,
    scope: Sites,
    at: Moment,
    *,
    until: datetime,
    after: tuple[str, str],
    limit: int,
) -> list[OwnToken]:
    """Active tokens of active principals that end by then, the next one first."""
    values = {
        **scope_values(scope),
        **vars(at),
        "until": until,
        "after_time": after[0],
        "after_token": after[1],
        "limit": limit,
    }
    return [_token(row) for row in driver(connection).execute(_EXPIRING, values)]


def _token(row: Any) -> OwnToken:
    return OwnToken(*told(row))
