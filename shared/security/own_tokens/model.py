"""A Counterfoil token as it is told, and what can be wished of one."""

from collections.abc import Sequence
from dataclasses import dataclass

NAME_CHARACTERS_MAX = 200
BOUNDS_MAX = 100


@dataclass(frozen=True)
class OwnToken:
    """A token without its secret. `roles` and `sites` are what it is cut down to, None to nothing; times are UTC.

    `rotate_by` is when it should be rotated, `site_id` the site that manages its principal.
    """

    token_id: str
    principal_id: str
    site_id: str | None
    name: str
    roles: Sequence[str] | None
    sites: Sequence[str] | None
    created_at: str
    created_by: str
    rotated_at: str | None
    rotate_by: str
    expires_at: str
    last_used_at: str | None
    revoked_at: str | None
    revoked_by: str | None


@dataclass(frozen=True)
class IssuedToken(OwnToken):
    """A token as it is shown once: `secret` is what its holder sends; None when the answer is repeated."""

    secret: str | None


@dataclass(frozen=True)
class TokenPage:
    """Tokens in the list's order; `next` is the cursor of the following page, None on the last."""

    items: Sequence[OwnToken]
    next: str | None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Whose token shall be made, for how long, and what it is cut down to; without days as long as allowed."""

    principal_id: str
    name: str
    days: int | None = None
    roles: tuple[str, ...] | None = None
    sites: tuple[str, ...] | None = None


def wrong_in(wish: Wish, days_max: int) -> dict[str, str]:
    """Field → what is wrong with it; whether roles and sites are there, only the database knows."""
    found = {}
    if not wish.name.strip() or len(wish.name) > NAME_CHARACTERS_MAX:
        found["name"] = f"must have 1 to {NAME_CHARACTERS_MAX} characters"
    if wish.days is not None and not 1 <= wish.days <= days_max:
        found["days"] = f"must be 1 to {days_max}"
    for name in ("roles", "sites"):
        bound = getattr(wish, name)
        if bound is not None and not 1 <= len(bound) <= BOUNDS_MAX:
            found[name] = f"name 1 to {BOUNDS_MAX}, or leave it out for all"
    return found
