"""A contract: the fields of one event type, and what one event of it says.

A record's business columns, joined in contract order, are what the content digest covers; updated_at, version and
transport metadata are not part of it. Reading is pure: the same bytes at the same place give the same record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from shared.sync.events.values import Kind

Stream = Literal["ledger", "payment_order"]

# Cannot occur in a value: control characters are refused in every field.
SEPARATOR = "\x1f"


@dataclass(frozen=True)
class Field:
    """One field: its kind, and what stands in when it is absent.

    Its other names (same fact) and the fields it falls back to (another fact) are a profile's to say; they stand here
    in a contract as a profile speaks it.
    """

    name: str
    kind: Kind
    required: bool = False
    aliases: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    default: Literal["", "currency", "site_id", "event_time"] = ""
    meaning: str = ""


class Defaults(NamedTuple):
    """What an event leaves unsaid, from settings."""

    currency: str
    site_id: str


class Filling(NamedTuple):
    """The text that stands in for an absent value at a place, or the place whose value does."""

    place: int
    text: str
    other: int | None


class Parsed(NamedTuple):
    """The canonical texts of one event in contract order ('' = absent), and what was noticed while reading."""

    business: Sequence[str]
    updated_at: str
    version: str
    correlation_id: str
    digest: bytes
    alias_hits: tuple[str, ...]
    unknown_fields: int


@dataclass(frozen=True)
class Contract:
    """An event type: its stream, its business fields in digest order, its table's key."""

    stream: Stream
    title: str
    fields: tuple[Field, ...]
    revision_fields: tuple[Field, ...]
    digest_prefix: str

    @property
    def key(self) -> str:
        return self.fields[0].name

    @property
    def business_columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    def all_fields(self) -> tuple[Field, ...]:
        return (*self.fields, *self.revision_fields)

    def known_names(self) -> frozenset[str]:
        """Every field name the contract reads, aliases and fallbacks included."""
        names = {f.name for f in self.all_fields()}
        return frozenset(names.union(*((*f.aliases, *f.fallbacks) for f in self.all_fields())))

    def fillings(self, defaults: Defaults) -> list[Filling]:
        """What stands in for the business fields an event may leave out."""
        columns = self.business_columns
        found = []
        for place, field in enumerate(self.fields):
            if field.default == "event_time":
                found.append(Filling(place, "", columns.index(field.default)))
            elif field.default:
                found.append(Filling(place, getattr(defaults, field.default), None))
        return found
