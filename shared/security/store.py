"""Who calls, resolved in one statement: a principal with what its grants allow and show now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from shared.audit.model import PrincipalType
from shared.database.database import driver
from shared.security.model import (
    Bounds,
    Field,
    Holding,
    Permission,
    Scope,
    Standing,
    StoredSecret,
)

# One row per role held now and its end. Grants of one role with one end are one holding: their sites together.
_HELD = """
LEFT JOIN LATERAL (
    SELECT r.role, bool_or(g.all_sites) AS everything,
        array_agg(g.site_id) FILTER (WHERE g.site_id IS NOT NULL) AS sites, r.permissions, r.shown_fields,
        g.valid_until AS ends_at
    FROM grants AS g JOIN roles AS r ON r.role = g.role AND r.is_active
    WHERE g.principal_id = p.principal_id AND g.revoked_at IS NULL
      AND g.valid_from <= %(begun)s::timestamptz
      AND (g.valid_until IS NULL OR g.valid_until > %(now)s::timestamptz)
    GROUP BY r.role, g.valid_until
) AS h ON true
"""
_HELD_COLUMNS = "h.role, h.everything, h.sites, h.permissions, h.shown_fields, h.ends_at"
_COLUMNS = f"p.principal_id, p.kind, {_HELD_COLUMNS}, p.is_active"
_BY_IDENTITY = f"""
SELECT {_COLUMNS} FROM principals AS p {_HELD}
WHERE p.issuer = %(issuer)s AND p.subject = %(subject)s
"""
_BY_TOKEN = f"""
SELECT {_COLUMNS}, t.secret_sha256, t.previous_sha256, t.previous_until, t.roles, t.sites, t.expires_at,
    t.revoked_at, coalesce(t.rotated_at, t.created_at), t.last_used_at
FROM tokens AS t JOIN principals AS p ON p.principal_id = t.principal_id AND p.is_active {_HELD}
WHERE t.token_id = %(token_id)s
"""
_OF_PRINCIPAL = f"SELECT {_COLUMNS} FROM principals AS p {_HELD} WHERE p.principal_id = %(principal_id)s"
# Whoever finds the row locked leaves the note to the one who holds it: no request waits for it.
_NOTE_USE = """
UPDATE tokens SET last_used_at = %(now)s WHERE token_id IN (
    SELECT token_id FROM tokens WHERE token_id = %(token_id)s
      AND (last_used_at IS NULL OR last_used_at <= %(now)s::timestamptz - interval '60 seconds')
    FOR UPDATE SKIP LOCKED)
"""
_LOCK_BOOTSTRAP = "SELECT used_at IS NULL FROM bootstrap FOR UPDATE"
_USE_BOOTSTRAP = "UPDATE bootstrap SET used_at = %(now)s, principal_id = %(principal_id)s"
_HOLDING = slice(2, 8)
_ACTIVE_AT, _TOKEN_AT = 8, 9


@dataclass(frozen=True)
class Known:
    """A principal with what it is granted now; inactive, it holds nothing of that."""

    principal_id: str
    principal_type: PrincipalType
    holdings: tuple[Holding, ...]
    is_active: bool


@dataclass(frozen=True)
class KnownToken:
    """A token with its principal; `noted_at` is when its use was noted last."""

    known: Known
    secret: StoredSecret
    bounds: Bounds
    standing: Standing
    noted_at: datetime | None


def fetch_by_identity(connection: Connection, issuer: str, subject: str, now: datetime) -> Known | None:
    """The principal an issuer knows by that subject, active or not."""
    values = {"issuer": issuer, "subject": subject, "now": now, "begun": now}
    rows = driver(connection).execute(_BY_IDENTITY, values, prepare=True).fetchall()
    return _known(rows) if rows else None


def fetch_by_token(connection: Connection, token_id: str, now: datetime) -> KnownToken | None:
    """The token of that id, alive or not, when its principal is active."""
    values = {"token_id": token_id, "now": now, "begun": now}
    rows = driver(connection).execute(_BY_TOKEN, values, prepare=True).fetchall()
    if not rows:
        return None
    secret, previous, until, roles, sites, expires_at, revoked_at, began_at, noted_at = rows[0][_TOKEN_AT:]
    used_at = began_at if noted_at is None else max(began_at, noted_at)
    return KnownToken(
        known=_known(rows),
        secret=StoredSecret(bytes(secret), None if previous is None else bytes(previous), until),
        bounds=Bounds(_set(roles), _set(sites)),
        standing=Standing(expires_at, used_at, revoked_at),
        noted_at=noted_at,
    )


def list_holdings(
    connection: Connection, principal_id: str, now: datetime, begun: datetime | None = None
) -> tuple[Holding, ...]:
    """What a principal is granted now, or will be as far as it has begun by then, whether it is active or not."""
    values = {"principal_id": principal_id, "now": now, "begun": begun or now}
    rows = driver(connection).execute(_OF_PRINCIPAL, values).fetchall()
    return _known(rows).holdings if rows else ()


def note_use(connection: Connection, token_id: str, now: datetime) -> None:
    """Write when a token was used, unless that was written within the last minute."""
    driver(connection).execute(_NOTE_USE, {"token_id": token_id, "now": now}, prepare=True)


def lock_bootstrap(connection: Connection) -> bool:
    """Whether the first administrator is still to be made; whoever else asks waits for the answer."""
    return bool(driver(connection).execute(_LOCK_BOOTSTRAP).fetchall()[0][0])


def use_bootstrap(connection: Connection, principal_id: str, now: datetime) -> None:
    """The first administrator is made: never again."""
    driver(connection).execute(_USE_BOOTSTRAP, {"principal_id": principal_id, "now": now})


def _known(rows: Sequence[Sequence[Any]]) -> Known:
    principal_id, kind = rows[0][:2]
    held = (_holding(*row[_HOLDING]) for row in rows if row[2] is not None)
    holdings = tuple(sorted(held, key=lambda each: each.role))
    return Known(principal_id, PrincipalType(kind), holdings, bool(rows[0][_ACTIVE_AT]))


def _holding(
    role: str,
    everything: bool,
    sites: list[str] | None,
    permissions: list[str],
    fields: list[str],
    ends_at: datetime | None,
) -> Holding:
    """Permissions this version does not know count for nothing."""
    scope = Scope(everything=True) if everything else Scope(frozenset(sites or ()))
    allowed = frozenset(_PERMISSIONS[name] for name in permissions if name in _PERMISSIONS)
    return Holding(role, scope, allowed, frozenset(map(Field, fields)), ends_at)


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


_PERMISSIONS = {permission.value: permission for permission in Permission}
