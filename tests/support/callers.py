"""Callers, principals, grants and tokens for tests: in memory, or as rows of a test's database."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from infra.local.identity.claims import object_id_of
from shared.audit.model import PrincipalType
from shared.security.matrix import PERMISSIONS, SHOWN
from shared.security.model import EVERYTHING, Caller, Holding, Permission, Role, Scope
from shared.security.secrets import digest, new_id, new_secret, shown
from shared.spine.model import Context
from tests.support.runtime import NOON

Owner = psycopg.Connection[Any]
# Long before any clock, a test's or a machine's: what is seeded holds at once.
BEFORE = datetime(2020, 1, 1, tzinfo=UTC)


def scope_of(*sites: str) -> Scope:
    """These sites; none named are all of them."""
    return Scope(frozenset(sites)) if sites else EVERYTHING


def holding(role: str | Role, *sites: str) -> Holding:
    """A role as the matrix seeds it, on these sites; none named are all of them."""
    known = Role(role)
    return Holding(known.value, scope_of(*sites), PERMISSIONS[known], SHOWN[known])


def caller_with(role: str | Role, *sites: str, principal_id: str = "", **changes: Any) -> Caller:
    """A person with that role on these sites; none named are all of them. `holdings` in changes replaces the role."""
    name = principal_id or f"test-{Role(role)}"
    values = {"principal_type": PrincipalType.PERSON, "holdings": (holding(role, *sites),), **changes}
    return Caller(principal_id=name, actor=name, **values)


def nobody(principal_id: str = "nobody") -> Caller:
    """A caller who holds nothing."""
    return Caller(principal_id=principal_id, actor=principal_id, principal_type=PrincipalType.PERSON)


def context_of(caller: Caller, permission: Permission, **changes: Any) -> Context:
    """A request of that caller as the edge makes it."""
    values = {"resource": "test", "request_id": "request-1", "client_address": "127.0.0.1", **changes}
    return Context(caller=caller, permission=permission, **values)


def context_with(
    role: str | Role, permission: Permission, *sites: str, principal_id: str = "", **changes: Any
) -> Context:
    """A request of a person with that role on these sites."""
    return context_of(caller_with(role, *sites, principal_id=principal_id), permission, **changes)


def operating(principal_id: str = "ada", *sites: str, **changes: Any) -> Context:
    """A request of an operator of these sites, all of them when none is named, to change how the sync goes on."""
    return context_with("operator", Permission.BATCH_RUN, *sites, principal_id=principal_id, **changes)


def seed_principal(
    owner: Owner,
    principal_id: str,
    *,
    kind: str = "PERSON",
    issuer: str | None = None,
    subject: str | None = None,
    site_id: str | None = None,
    is_active: bool = True,
) -> None:
    """A principal's row; with issuer and subject it is known by the issuer's tokens."""
    owner.execute(
        "INSERT INTO principals (principal_id, kind, name, issuer, subject, site_id, is_active, created_at,"
        " created_by, updated_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'test', %s)",
        (principal_id, kind, principal_id, issuer, subject, site_id, is_active, BEFORE, BEFORE),
    )


def seed_grant(
    owner: Owner,
    principal_id: str,
    role: str,
    site_id: str | None = None,
    *,
    valid_from: datetime = BEFORE,
    valid_until: datetime | None = None,
    break_glass: bool = False,
) -> str:
    """A grant's row, for all sites unless one is named; its id."""
    grant_id = f"grant-{new_id()}"
    owner.execute(
        "INSERT INTO grants (grant_id, principal_id, role, site_id, all_sites, valid_from, valid_until, break_glass,"
        " reason, created_at, created_by) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'a test', %s, 'test')",
        (
            grant_id,
            principal_id,
            role,
            site_id,
            site_id is None,
            valid_from,
            valid_until,
            break_glass,
            BEFORE,
        ),
    )
    return grant_id


def seed_token(
    owner: Owner,
    principal_id: str,
    *,
    roles: Sequence[str] | None = None,
    sites: Sequence[str] | None = None,
    created_at: datetime = NOON,
    life: timedelta = timedelta(days=30),
    created_by: str = "test",
) -> str:
    """A Counterfoil token of a principal, as its holder keeps it."""
    token_id, secret = new_id(), new_secret()
    values = (token_id, principal_id, digest(secret), roles, sites, created_at, created_by, created_at + life)
    owner.execute(
        "INSERT INTO tokens (token_id, principal_id, name, secret_sha256, roles, sites, created_at, created_by,"
        " expires_at) VALUES (%s, %s, 'a test', %s, %s, %s, %s, %s, %s)",
        values,
    )
    return shown(token_id, secret)


def token_file(owner: Owner, folder: Path, principal_id: str, role: str = "operator", *sites: str) -> Path:
    """A person who holds that role at these sites, or all of them, and the file with its token: alive by any clock."""
    seed_principal(owner, principal_id)
    for site_id in sites or (None,):
        seed_grant(owner, principal_id, role, site_id)
    file = folder / f"{principal_id}-token"
    file.write_text(seed_token(owner, principal_id, created_at=datetime.now(UTC)) + "\n")
    return file


def seed_administrator(owner: Owner, principal_id: str = "root") -> None:
    """An administrator for all sites."""
    seed_principal(owner, principal_id)
    seed_grant(owner, principal_id, "administrator")


def seed_development_principals(owner: Owner, issuer: str) -> None:
    """Every role's development principal for all sites, as the local stack has them: what `mint` gives is let in."""
    for role in Role:
        name = f"local-{role}"
        seed_principal(owner, name, issuer=issuer, subject=object_id_of(name))
        seed_grant(owner, name, role)
