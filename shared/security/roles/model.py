"""A role as it is told, and what can be wished of one."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.security.model import Field, Permission


@dataclass(frozen=True)
class RoleState:
    """What a role allows, and which of the fields that can be masked it shows."""

    role: str
    permissions: Sequence[str]
    shown_fields: Sequence[str]
    is_active: bool
    version: int
    updated_at: str


@dataclass(frozen=True)
class RoleList:
    """Every role there is, by name."""

    items: Sequence[RoleState]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a role shall be; None leaves it as it is."""

    permissions: frozenset[Permission] | None = None
    shown_fields: frozenset[Field] | None = None
    is_active: bool | None = None
