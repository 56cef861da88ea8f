"""Who calls and what roles and permissions there are."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.audit.model import PrincipalType


class Permission(StrEnum):
    """What an endpoint asks for, as scope:resource:action. `site` is held site by site, `all` only for all of them."""

    LOOKUP_READ = "site:lookup:read"
    OPERATOR_DETAIL_READ = "site:operator_detail:read"
    BATCH_RUN = "site:batch:run"
    APPROVAL_REQUEST = "site:approval:request"
    CORRECTION_REQUEST = "site:correction:request"
    APPROVAL_DECIDE = "site:approval:decide"
    VERSION_ACTIVATE = "site:version:activate"
    AUDIT_READ = "site:audit:read"
    AUDIT_VERIFY = "all:audit:verify"
    AUDIT_EXPORT = "site:audit:export"
    PRINCIPAL_MANAGE = "site:principal:manage"
    TOKEN_MANAGE = "site:token:manage"
    TOKEN_OWN = "site:own_token:manage"
    ROLE_MANAGE = "all:role:manage"
    SITE_MANAGE = "site:site:manage"
    POLICY_MANAGE = "site:policy:manage"


class Field(StrEnum):
    """What is masked unless a role shows it."""

    USER_ID = "user_id"
    MERCHANT_NAME = "merchant_name"
    RAW_PAYLOAD = "raw_payload"


class Role(StrEnum):
    """The roles there are; what each allows and shows is data."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    AUDITOR = "auditor"
    SITE_MANAGER = "site_manager"
    ADMINISTRATOR = "administrator"
    SERVICE = "service"


@dataclass(frozen=True)
class Scope:
    """Sites. `everything` is the explicit grant of all; no sites and not everything is nothing."""

    sites: frozenset[str] = frozenset()
    everything: bool = False

    def __bool__(self) -> bool:
        return self.everything or bool(self.sites)

    def holds(self, site_id: str | None) -> bool:
        """Whether a row of that site lies inside; what belongs to no site belongs to everything only."""
        return self.everything or site_id in self.sites

    def covers(self, other: "Scope") -> bool:
        """Whether all of the other lies inside."""
        return self.everything or (not other.everything and other.sites <= self.sites)

    def __or__(self, other: "Scope") -> "Scope":
        if self.everything or other.everything:
            return EVERYTHING
        return Scope(self.sites | other.sites)

    def __and__(self, other: "Scope") -> "Scope":
        if self.everything or other.everything:
            return other if self.everything else self
        return Scope(self.sites & other.sites)


NOTHING = Scope()
EVERYTHING = Scope(everything=True)


def union_of(scopes: Iterable[Scope]) -> Scope:
    """All of them together; nothing when there are none."""
    found = NOTHING
    for scope in scopes:
        found |= scope
    return found


@dataclass(frozen=True)
class Holding:
    """One role as a caller holds it now: where, what it allows and shows there, and its end if it has one."""

    role: str
    scope: Scope
    permissions: frozenset[Permission]
    fields: frozenset[Field] = frozenset()
    ends_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A principal as it calls: what it holds by its grants, cut down to what its credential allows.

    `actor` is its name in the audit record. `token_id` is there when a Counterfoil token was shown.
    """

    principal_id: str
    actor: str
    principal_type: PrincipalType
    holdings: tuple[Holding, ...] = ()
    token_id: str | None = None

    def scope_of(self, permission: Permission) -> Scope:
        """The sites in which the caller may do this; a permission for all sites counts only where held for all.

        The token a caller shows is its own to manage, whatever else it holds: who lost a token can always revoke it.
        """
        if permission is Permission.TOKEN_OWN and self.token_id is not None:
            return EVERYTHING
        scope = union_of(each.scope for each in self.holdings if permission in each.permissions)
        return NOTHING if permission.startswith("all:") and not scope.everything else scope

    def role_for(self, permission: Permission, site_id: str | None) -> str | None:
        """The role by which the caller may do this on that site, the first by name where several allow it."""
        fits = [
            each.role
            for each in self.holdings
            if permission in each.permissions and (site_id is None or each.scope.holds(site_id))
        ]
        return min(fits, default=None)

    def sees(self, field: Field, site_id: str | None) -> bool:
        """Whether a field of a row of that site is shown unmasked."""
        return any(field in each.fields and each.scope.holds(site_id) for each in self.holdings)


@dataclass(frozen=True)
class Identity:
    """Who an issuer says is calling. `roles` is the most it may do; None when the token says nothing about roles."""

    issuer: str
    subject: str
    roles: frozenset[str] | None


@dataclass(frozen=True)
class Bounds:
    """What a credential cuts its principal's holdings down to; None cuts nothing."""

    roles: frozenset[str] | None = None
    sites: frozenset[str] | None = None


UNBOUNDED = Bounds()


def held_within(holdings: Iterable[Holding], bounds: Bounds) -> tuple[Holding, ...]:
    """The part of each holding that lies within the bounds; what has no site left is gone."""
    inside = EVERYTHING if bounds.sites is None else Scope(bounds.sites)
    cut = (
        replace(each, scope=each.scope & inside)
        for each in holdings
        if bounds.roles is None or each.role in bounds.roles
    )
    return tuple(each for each in cut if each.scope)


NO_SECRET = bytes(32)


@dataclass(frozen=True)
class StoredSecret:
    """What is known of a token's secrets; the previous one is good until then, after a rotation."""

    secret_sha256: bytes = NO_SECRET
    previous_sha256: bytes | None = None
    previous_until: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """What decides whether a token is alive."""

    expires_at: datetime
    used_at: datetime
    revoked_at: datetime | None = None
