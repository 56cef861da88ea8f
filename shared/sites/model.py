"""A site as it is told, and what can be wished of one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAME_CHARACTERS_MAX = 200
WINDOW_SECONDS_MAX = 31_536_000
_SITE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)


@dataclass(frozen=True)
class Site:
    """One operating unit; times are UTC. A site without a silence window is one nobody waits for."""

    site_id: str
    name: str
    time_zone: str
    is_active: bool
    pair_window_seconds: int
    silence_window_seconds: int | None
    version: int
    created_at: str
    updated_at: str


@dataclass(frozen=True)
class SitePage:
    """Sites by their code; `next` is the cursor of the following page, None on the last."""

    items: Sequence[Site]
    next: str | None


@dataclass(frozen=True)
class Wish:
    """What a site shall be."""

    name: str
    time_zone: str
    is_active: bool = True
    pair_window_seconds: int = 900
    silence_window_seconds: int | None = 3600


CHANGEABLE = tuple(Wish.__dataclass_fields__)


def wish_of(site: Site, changes: Mapping[str, object]) -> Wish:
    """The site with those of its members changed; a name that is no member changes nothing."""
    wished: dict[str, Any] = {name: changes.get(name, getattr(site, name)) for name in CHANGEABLE}
    return Wish(**wished)


def wrong_in(wish: Wish) -> dict[str, str]:
    """Field → what is wrong with it; whether the time zone is one, only the database knows."""
    found = {}
    if not wish.name.strip() or len(wish.name) > NAME_CHARACTERS_MAX:
        found["name"] = f"must have 1 to {NAME_CHARACTERS_MAX} characters"
    for name in ("pair_window_seconds", "silence_window_seconds"):
        seconds = getattr(wish, name)
        if seconds is not None and not 1 <= seconds <= WINDOW_SECONDS_MAX:
            found[name] = f"must be 1 to {WINDOW_SECONDS_MAX}"
    return found


def is_site_id(text: str) -> bool:
    """Whether a text can be a site's code."""
    return _SITE_ID.fullmatch(text) is not None
