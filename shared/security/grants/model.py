"""A grant as it is told, and what can be wished of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Grant:
    """A role of a principal at one site, or at all of them. Without `valid_until` it has no end; times are UTC."""

    grant_id: str
    principal_id: str
    role: str
    site_id: str | None
    all_sites: bool
    valid_from: str
    valid_until: str | None
    break_glass: bool
    reason: str
    created_at: str
    created_by: str
    revoked_at: str | None
    revoked_by: str | None
    reviewed_at: str | None
    reviewed_by: str | None


@dataclass(frozen=True)
class GrantPage:
    """Grants by principal; `next` is the cursor of the following page, None on the last."""

    items: Sequence[Grant]
    next: str | None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """Who shall hold what: exactly one of a site and all sites, from now unless told otherwise."""

    principal_id: str
    role: str
    site_id: str | None = None
    all_sites: bool = False
    valid_from: datetime | None = None
    valid_until: datetime | None = None


# Far enough for every end there is, and near enough to be written.
AHEAD_MAX = timedelta(days=3660)


def wrong_in(wish: Wish, now: datetime) -> dict[str, str]:
    """Field → what is wrong with it."""
    found = {}
    if wish.all_sites == (wish.site_id is not None):
        found["site_id"] = "name one site, or say all_sites"
    begins = wish.valid_from or now
    if wish.valid_from is not None and wish.valid_from < now:
        found["valid_from"] = "lies in the past; leave it out to begin now"
    if wish.valid_until is not None and wish.valid_until <= begins:
        found["valid_until"] = "must be later than the beginning"
    for name in ("valid_from", "valid_until"):
        moment = getattr(wish, name)
        if moment is not None and moment > now + AHEAD_MAX:
            found[name] = "lies more than ten years ahead; leave it out for no end"
    return found
