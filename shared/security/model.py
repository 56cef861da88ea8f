"""Who calls and what roles and permissions there are."""

from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """What an endpoint asks for, as scope:resource:action."""

    LOOKUP_READ = "site:lookup:read"


class Role(StrEnum):
    """The role names a token may carry; any other name in a token counts for nothing."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    AUDITOR = "auditor"
    SITE_MANAGER = "site_manager"
    ADMINISTRATOR = "administrator"
    SERVICE = "service"


@dataclass(frozen=True)
class Principal:
    """A caller known by its token: the actor's id at the issuer, and the roles the token claims."""

    actor: str
    roles: frozenset[Role]
