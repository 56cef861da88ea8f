"""A contract: the fields of one event type, and how a JSON object becomes one record of canonical texts.

A record's business columns, joined in contract order, are what the content digest covers; updated_at, version and
transport metadata are not part of it. Reading is pure: the same bytes at the same place give the same record.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec.structs import astuple

from shared.sync.errors import AliasConflict, FieldInvalid, FieldMissing
from shared.sync.events.values import (
    BODY_BYTES_MAX,
    INSTANT,
    TIME_MIN,
    Kind,
    Number,
)

Stream = Literal["ledger", "payment_order"]

# Cannot occur in a value: control characters are refused in every field.
SEPARATOR = "\x1f"


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
        self._business = len(contract.fields)
        self._known = contract.known_names()
        self._fill = [(i, f.default) for i, f in enumerate(contract.fields) if f.default]
        self._columns = {f.name: i for i, f in enumerate(contract.fields)}
        self._prefix = contract.digest_prefix + SEPARATOR
        self._decode = _usual_decoder(contract)
        self._match = re.compile(SEPARATOR.join(map(_usual_pattern, fields)), re.ASCII).fullmatch
        self._numbers = tuple(i for i, f in enumerate(fields) if f.kind.is_number)
        self._instants = tuple(i for i, f in enumerate(fields) if f.kind is INSTANT)

    def read_usual(self, body: bytes, latest: str) -> Parsed | None:
        """An event written the usual way: a flat object of our own names, every value nearly canonical.

        None sends the event the careful way (`decode_body`, `read`), which gives the same texts or names what is
        wrong. The proof that the careful way would read the same: with no backslash in the body every quote delimits
        a key or a text, so an object without repeated keys has exactly two quotes per key and two per text; and one
        pattern, whose groups are the canonical texts, matches all values at once.
        """
        if len(body) > BODY_BYTES_MAX or b"\\" in body:
            return None
        try:
            values: list[Any] = list(astuple(self._decode(body)))
            quotes = 4 * (len(values) - values.count(""))
            for index in self._numbers:
                raw = values[index]
                if raw.__class__ is not str:
                    # A literal -0 arrives as 0; only the careful way still sees the sign.
                    if raw.__class__ is int and not raw:
                        return None
                    quotes -= 2
                    values[index] = str(raw)
            match = self._match(SEPARATOR.join(values))
        except (msgspec.DecodeError, RecursionError, TypeError, ValueError):
            return None
        if match is None or body.count(b'"') != quotes:
            return None
        texts = list(match.groups(""))
        for index in self._instants:
            if (text := texts[index]) and not TIME_MIN <= text <= latest:
                return None
        return self._parsed(texts, (), 0)

    def read(self, data: Mapping[str, Any], latest: str) -> Parsed:
        """One object → canonical texts; `latest` is the greatest instant its times may have (canonical text).

        Raises FieldMissing, FieldInvalid or AliasConflict, naming the field.
        """
        hits: list[str] = []
        texts = [self._bounded(f, self._resolve(f, data, hits), latest) for f in self._fields]
        return self._parsed(texts, tuple(hits), len(data.keys() - self._known))

    @staticmethod
    def _bounded(field: Field, text: str | None, latest: str) -> str:
        if not text:
            if field.required:
                raise _missing(field)
            return ""
        if field.kind is INSTANT and not TIME_MIN <= text <= latest:
            raise FieldInvalid(f"must lie between {TIME_MIN}Z and {latest}Z, it is {text}Z", field.name)
        return text

    def _parsed(self, texts: list[str], hits: tuple[str, ...], unknown: int) -> Parsed:
        updated_at, version, correlation_id = texts[self._business :]
        del texts[self._business :]
        for index, source in self._fill:
            if not texts[index]:
                texts[index] = self._defaults.get(source) or texts[self._columns[source]]
        digest = hashlib.sha256((self._prefix + SEPARATOR.join(texts)).encode()).digest()
        return Parsed(texts, updated_at, version, correlation_id, digest, hits, unknown)

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


def _usual_decoder(contract: Contract) -> Callable[[bytes], msgspec.Struct]:
    """Reads the contract's own names with their usual types into a struct, absent ones as ''; refuses all else."""
    fields = [(f.name, Any if f.kind.is_number else str, "") for f in contract.all_fields()]
    shape = msgspec.defstruct(contract.title, fields, forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(shape, float_hook=Number).decode


def _usual_pattern(field: Field) -> str:
    return field.kind.usual if field.required else f"(?:{field.kind.usual})?"


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
