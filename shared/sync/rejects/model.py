"""Ceilings and what they are for; pure."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from shared.sync.events.contract import Stream

# As the table holds it.
LASTS_MAX = timedelta(days=7)
# Control characters, lone surrogates, line and paragraph separators.
_UNWRITABLE = {"Cc", "Cs", "Zl", "Zp"}


def is_writable(text: str) -> bool:
    """Whether a text can be kept on record and shown in one line."""
    return not any(unicodedata.category(character) in _UNWRITABLE for character in text)


class Scope(NamedTuple):
    """What a ceiling is for; without a partition, all of the hub."""

    stream: Stream
    hub: str
    partition_id: str | None


class Ceiling(NamedTuple):
    """A raised ceiling."""

    ceiling_id: int
    stream: Stream
    hub: str
    partition_id: str | None
    share: Decimal
    valid_from: datetime
    valid_until: datetime
    reason: str
    set_by: str

    @property
    def scope(self) -> Scope:
        return Scope(self.stream, self.hub, self.partition_id)


class Span(NamedTuple):
    """The first and last sequence number of a flood's events, in one generation of a hub."""

    hub: str
    generation: int
    partition_id: str
    first_number: int
    last_number: int


class Why(NamedTuple):
    """Why somebody changes a ceiling, and who."""

    reason: str
    by: str


class Raise(NamedTuple):
    """How far a ceiling is to be raised, and for how long."""

    share: Decimal
    lasts: timedelta


@dataclass(frozen=True)
class Standing:
    """The ceilings that are valid now, and the floods whose partition still waits, as their alerts tell them."""

    ceilings: list[Ceiling]
    held: list[dict[str, Any]]
