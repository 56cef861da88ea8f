"""A contract: the fields of one event type, and how a JSON object becomes one record of canonical texts.

A record's business columns, joined in contract order, are what the content digest covers; updated_at, version and
transport metadata are not part of it. Reading is pure: the same bytes at the same place give the same record.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from shared.sync.errors import AliasConflict, FieldInvalid, FieldMissing
from shared.sync.events.values import TIME_MIN, Kind

Stream = Literal["ledger", "payment_order"]

# Cannot occur in a value: control characters are refused in every field.
SEPARATOR = "\x1f"
_TIMES = frozenset({"event_time", "created_at", "updated_at"})


@dataclass(frozen=True)
class Field:
    """One field: its kind, its other names (same fact), and the fields it falls back to (another fact)."""

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


class Parsed(NamedTuple):
    """The canonical texts of one event in contract order ('' = absent), and what was noticed while reading."""

    business: list[str]
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


class Reader:
    """Reads events of one contract; built once, so that the per-event path only walks tuples."""

    def __init__(self, contract: Contract, defaults: Defaults) -> None:
        self.contract = contract
        self._defaults = {"currency": defaults.currency, "site_id": defaults.site_id}
        fields = contract.all_fields()
        self._fields = fields
        self._plan = tuple((f.name, f.kind.parse, f.name not in _TIMES, f) for f in fields)
        self._business = len(contract.fields)
        self._known = contract.known_names()
        self._aliases = frozenset(alias for f in fields for alias in f.aliases)
        self._fill = [(i, f.default) for i, f in enumerate(contract.fields) if f.default]
        self._columns = {f.name: i for i, f in enumerate(contract.fields)}
        self._prefix = contract.digest_prefix + SEPARATOR

    def read(self, data: Mapping[str, Any], latest: str) -> Parsed:
        """One object → canonical texts; `latest` is the greatest instant its times may have (canonical text).

        Raises FieldMissing, FieldInvalid or AliasConflict, naming the field.
        """
        hits: list[str] = []
        if self._aliases.isdisjoint(data):
            texts = self._plain_texts(data, latest, hits)
        else:
            texts = [self._bounded(f, self._resolve(f, data, hits), latest) for f in self._fields]
        return self._parsed(texts, hits, 0 if data.keys() <= self._known else len(data.keys() - self._known))

    def _plain_texts(self, data: Mapping[str, Any], latest: str, hits: list[str]) -> list[str]:
        """The way of nearly every event: each field under its own name, no alias present."""
        texts: list[str] = []
        name = ""
        try:
            for name, parse, simple, field in self._plan:
                raw = data.get(name)
                text = None if raw is None else parse(raw)
                if text is None or not simple:
                    text = self._bounded(field, text or self._resolve(field, data, hits), latest)
                texts.append(text)
        except ValueError as error:
            raise FieldInvalid(f"{name} {error}", name) from None
        return texts

    @staticmethod
    def _bounded(field: Field, text: str | None, latest: str) -> str:
        if not text:
            if field.required:
                raise _missing(field)
            return ""
        if field.name in _TIMES and not TIME_MIN <= text <= latest:
            raise FieldInvalid(f"must lie between {TIME_MIN}Z and {latest}Z, it is {text}Z", field.name)
        return text

    def _parsed(self, texts: list[str], hits: list[str], unknown: int) -> Parsed:
        business = texts[: self._business]
        for index, source in self._fill:
            if not business[index]:
                business[index] = self._defaults.get(source) or business[self._columns[source]]
        digest = hashlib.sha256((self._prefix + SEPARATOR.join(business)).encode()).digest()
        updated_at, version, correlation_id = texts[self._business :]
        return Parsed(business, updated_at, version, correlation_id, digest, tuple(hits), unknown)

    def _resolve(self, field: Field, data: Mapping[str, Any], hits: list[str]) -> str | None:
        """The first present name wins; two present names of the same fact must agree in value."""
        found: list[tuple[str, str]] = []
        for name in (field.name, *field.aliases):
            raw = data.get(name)
            if raw is not None and (text := _value(name, field.kind.parse, raw)) is not None:
                found.append((name, text))
        if any(text != found[0][1] for _, text in found[1:]):
            stated = ", ".join(f"{name}={text}" for name, text in found)
            raise AliasConflict(f"names of one fact disagree: {stated}", field.name)
        for name in field.fallbacks if not found else ():
            raw = data.get(name)
            if raw is not None and (text := _value(name, field.kind.parse, raw)) is not None:
                found.append((name, text))
                break
        if found and found[0][0] != field.name:
            hits.append(field.name)
        return found[0][1] if found else None


def _value(name: str, parse: Any, raw: object) -> str | None:
    try:
        text: str | None = parse(raw)
    except ValueError as error:
        raise FieldInvalid(f"{name} {error}", name) from None
    return text


def _missing(field: Field) -> FieldMissing:
    others: Sequence[str] = (*field.aliases, *field.fallbacks)
    also = f" (also read as {', '.join(others)})" if others else ""
    return FieldMissing(f"{field.name} is required{also}", field.name)
