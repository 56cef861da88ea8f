"""The fast way to read: a batch column by column, for events written the usual way.

Usual is a flat object of our own names whose values are nearly canonical. Every other event is named as odd and
read the careful way (`decode_body`, `Reader.read`), which gives the same texts or names what is wrong. The proof that
the careful way would read the same: with no backslash in a body every quote delimits a key or a text, so an object
without repeated keys has exactly two quotes per key and two per text, and a repeated key can only add some; and every
value matches the pattern of its kind, whose group is the canonical text.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from itertools import chain, repeat
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import astuple

from shared.sync.events.contract import SEPARATOR, Contract, Defaults
from shared.sync.events.values import (
    BODY_BYTES_MAX,
    IDENTIFIER,
    IDENTIFIER_LENGTH_MAX,
    INSTANT,
    TIME_MIN,
    Kind,
    Number,
)

# Matches no kind.
_UNUSUAL = "\x00"
_UNREADABLE = (msgspec.DecodeError, RecursionError, ValueError)
# Canonical texts of one field, '' where a value is absent or not a usual one.
Texts = Sequence[str]


class Usual(NamedTuple):
    """What a batch says, each part in the order of its events; at the places in `odd` nothing stands that counts."""

    business: Sequence[tuple[str, ...]]
    updated_at: Sequence[str]
    versions: Sequence[str]
    correlation_ids: Sequence[str]
    digests: Sequence[bytes]
    odd: Collection[int]


class UsualReader:
    """Reads batches of one contract. Each step is one call per column, each distinct value is looked at once."""

    def __init__(self, contract: Contract, defaults: Defaults) -> None:
        fields = contract.all_fields()
        self._business = len(contract.fields)
        self._fillings = contract.fillings(defaults)
        self._prefix = contract.digest_prefix + SEPARATOR
        self._decoder = _decoder(contract)
        self._absent = ("",) * len(fields)
        self._numbers = [i for i, f in enumerate(fields) if f.kind.is_number]
        self._required = [i for i, f in enumerate(fields) if f.required]
        kinds = {f.kind.parse: f.kind for f in fields}.values()
        self._kinds = [(_Texts(k), [i for i, f in enumerate(fields) if f.kind is k]) for k in kinds]

    def read(self, bodies: Sequence[bytes], latest: str) -> Usual:
        """Read at least one body; `latest` is the greatest instant a time may have (canonical text)."""
        rows = self._rows(bodies)
        columns = list(zip(*rows, strict=True))
        odd = self._told_otherwise(bodies, rows, columns)
        texts = self._canonical(columns, latest, odd)
        for place in self._required:
            if not all(texts[place]):
                odd.update(i for i, text in enumerate(texts[place]) if not text)
        self._fill(texts)
        business = list(zip(*texts[: self._business], strict=True))
        prefix, sha256 = self._prefix, hashlib.sha256
        digests = [sha256((prefix + row).encode()).digest() for row in map(SEPARATOR.join, business)]
        updated_at, versions, correlation_ids = texts[self._business :]
        return Usual(business, updated_at, versions, correlation_ids, digests, odd)

    def _rows(self, bodies: Sequence[bytes]) -> list[tuple[Any, ...]]:
        """What each body says for each field, '' where it is silent; nothing at all where it cannot be read."""
        if max(map(len, bodies)) <= BODY_BYTES_MAX:
            try:
                return list(map(astuple, self._structs(bodies)))
            except _UNREADABLE:
                pass
        return [self._row(body) for body in bodies]

    def _structs(self, bodies: Sequence[bytes]) -> Sequence[msgspec.Struct]:
        """Bodies without a line break are decoded as lines, in one call; a blank one would be passed over."""
        lines = b"\n".join(bodies)
        if lines.count(b"\n") == len(bodies) - 1:
            structs = self._decoder.decode_lines(lines)
            if len(structs) == len(bodies):
                return structs
        return list(map(self._decoder.decode, bodies))

    def _row(self, body: bytes) -> tuple[Any, ...]:
        try:
            return astuple(self._decoder.decode(body)) if len(body) <= BODY_BYTES_MAX else self._absent
        except _UNREADABLE:
            return self._absent

    def _told_otherwise(
        self, bodies: Sequence[bytes], rows: Sequence[tuple[Any, ...]], columns: Sequence[tuple[Any, ...]]
    ) -> set[int]:
        """The events that use escapes, or that hold more quotes than their values need."""
        told = 4 * (len(rows) * len(columns) - sum(column.count("") for column in columns))
        told -= 2 * sum(len(rows) - list(map(type, columns[i])).count(str) for i in self._numbers)
        joined = b"".join(bodies)
        if b"\\" not in joined and joined.count(b'"') == told:
            return set()
        pairs = enumerate(zip(bodies, rows, strict=True))
        return {i for i, (body, row) in pairs if b"\\" in body or body.count(b'"') != self._quotes(row)}

    def _quotes(self, row: tuple[Any, ...]) -> int:
        literals = sum(type(row[i]) is not str for i in self._numbers)
        return 4 * (len(row) - row.count("")) - 2 * literals

    def _canonical(self, columns: Sequence[tuple[Any, ...]], latest: str, odd: set[int]) -> list[Texts]:
        """Columns of canonical texts; the events with a value that is not a usual one are added to the odd."""
        texts: list[Texts] = list(columns)
        for place in self._numbers:
            texts[place] = _all_written(columns[place])
        for kind, places in self._kinds:
            for place, column in zip(places, kind.of([texts[p] for p in places], latest, odd), strict=True):
                texts[place] = column
        return texts

    def _fill(self, texts: list[Texts]) -> None:
        for place, text, other in self._fillings:
            if "" in texts[place]:
                others = repeat(text) if other is None else texts[other]
                texts[place] = [own or its for own, its in zip(texts[place], others, strict=False)]


class _Texts:
    """The canonical texts of a kind."""

    def __init__(self, kind: Kind) -> None:
        self._match = re.compile(kind.usual, re.ASCII).fullmatch
        self._find = re.compile(f"(?:{kind.usual}|[^{SEPARATOR}]*){SEPARATOR}", re.ASCII).findall
        self._is_identifier = kind is IDENTIFIER
        self._is_instant = kind is INSTANT

    def of(self, columns: Sequence[Texts], latest: str, odd: set[int]) -> Sequence[Texts]:
        """Value → its canonical text; the places of unusual ones are added to `odd`."""
        if self._is_identifier and _stand_as_they_are(columns):
            return columns
        found = self._found(columns)
        for column, texts in zip(columns, found, strict=True):
            if texts.count("") != column.count(""):
                odd.update(i for i, (v, t) in enumerate(zip(column, texts, strict=True)) if v and not t)
            if self._is_instant and (max(texts) > latest or min(texts) < TIME_MIN):
                odd.update(i for i, text in enumerate(texts) if text and not TIME_MIN <= text <= latest)
        return found

    def _found(self, columns: Sequence[Texts]) -> list[list[str]]:
        """Many values of few kinds are looked up, many different ones are found in one pass over all."""
        distinct, size = set().union(*columns), len(columns[0])
        if 2 * len(distinct) > size * len(columns):
            joined = SEPARATOR.join(chain.from_iterable(columns)) + SEPARATOR
            if joined.count(SEPARATOR) == size * len(columns):
                texts = self._find(joined)
                return [texts[i : i + size] for i in range(0, len(texts), size)]
        match = self._match
        known = {v: found[1] if (found := match(v)) else "" for v in distinct}
        return [list(map(known.__getitem__, column)) for column in columns]


def _stand_as_they_are(columns: Sequence[Texts]) -> bool:
    """Whether every identifier is canonical already: few are not, and to ask them all at once is cheap."""
    joined = "".join(chain.from_iterable(columns))
    if not joined.isascii() or not joined.isprintable() or " " in joined:
        return False
    return max(map(len, chain.from_iterable(columns))) <= IDENTIFIER_LENGTH_MAX


def _all_written(column: Sequence[Any]) -> Texts:
    """The texts of a column of numbers; mostly all of them are written alike."""
    kinds = set(map(type, column))
    if kinds == {str}:
        return column
    if kinds == {int} and 0 not in column:
        return list(map(str, column))
    return [_written(value) for value in column]


def _written(value: object) -> str:
    """A number's text. A literal -0 arrives as 0, and only the careful way still sees the sign."""
    if type(value) is str or type(value) is Number:
        return value
    return str(value) if type(value) is int and value else _UNUSUAL


def _decoder(contract: Contract) -> "msgspec.json.Decoder[msgspec.Struct]":
    """Reads the contract's own names with their usual types into a struct, absent ones as ''; refuses all else."""
    fields = [(f.name, Any if f.kind.is_number else str, "") for f in contract.all_fields()]
    shape = msgspec.defstruct(contract.title, fields, forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(shape, float_hook=Number)
