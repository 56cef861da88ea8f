"""The careful way to read: a message of any shape becomes canonical texts, or the field at fault is named."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from shared.sync.errors import AliasConflict, BodyNotObject, FieldInvalid, FieldMissing, OperationUnsupported
from shared.sync.events.contract import SEPARATOR, Contract, Defaults, Field, Parsed
from shared.sync.events.decode import decode_body
from shared.sync.events.dialect import (
    Source,
    Spelling,
    is_plain,
    keys_of,
    known_keys,
    sources_of,
    value_at,
)
from shared.sync.events.usual import UsualReader
from shared.sync.events.values import INSTANT, TIME_MIN
from shared.sync.profiles.model import Operation, StreamProfile

Row = Mapping[str, Any]


class EventReader:
    """Reads the events of one stream in one dialect; built once. `usual` is there where a fast way is sound."""

    def __init__(self, contract: Contract, defaults: Defaults, profile: StreamProfile) -> None:
        parts = [sources_of(contract, profile, part) for part in profile.split or (None,)]
        self._records = [RecordReader(contract, defaults, sources) for sources in parts]
        self._known = frozenset(key for sources in parts for key in known_keys(sources)) | {*profile.ignored}
        self._envelope = [(path, keys_of(path)) for path in profile.envelope]
        self._operation = profile.operation
        self.contract = contract
        self.usual = UsualReader(contract, defaults) if is_plain(contract, profile) else None

    def read(self, body: bytes, latest: str) -> list[Parsed]:
        """One event → its records; `latest` is the greatest instant its times may have (canonical text).

        Raises an EventRejected; what was noticed while reading stands with the first record.
        """
        root = decode_body(body)
        if self._operation is not None:
            _refuse_other_operations(self._operation, root)
        row = self._row(root)
        hits: list[str] = []
        records = [record.read(root, row, latest, hits) for record in self._records]
        noticed = tuple(dict.fromkeys(hits)), len(row.keys() - self._known)
        return [records[0]._replace(alias_hits=noticed[0], unknown_fields=noticed[1]), *records[1:]]

    def wrapped(self, row: Row) -> Row:
        """A bare row in the envelope the dialect expects."""
        for key in reversed(self._envelope[0][1] if self._envelope else ()):
            row = {key: row}
        return row

    def absent(self, root: Row) -> list[str] | None:
        """The required fields a message has no value for; None where it has no row, or not even a key."""
        try:
            row = self._row(root)
        except BodyNotObject:
            return None
        found = self._records[0].absent(root, row)
        return None if self.contract.key in found else found

    def value(self, root: Row, field: str) -> Any:
        """The raw value of a field, None where there is none."""
        return self._records[0].value(root, self._row(root), field)

    def _row(self, root: Row) -> Row:
        for _, keys in self._envelope:
            if isinstance(row := value_at(root, keys), dict):
                return row
        if self._envelope:
            path = self._envelope[0][0]
            raise BodyNotObject(f"there is no JSON object at {path}", path)
        return root


class RecordReader:
    """Reads one record out of a message."""

    def __init__(self, contract: Contract, defaults: Defaults, sources: tuple[Source, ...]) -> None:
        self._sources = sources
        self._business = len(contract.fields)
        self._fillings = contract.fillings(defaults)
        self._prefix = contract.digest_prefix + SEPARATOR

    def read(self, root: Row, row: Row, latest: str, hits: list[str]) -> Parsed:
        """Its canonical texts; the fields read under another than their first name are added to the hits."""
        texts = [_bounded(each, _resolve(each, root, row, hits), latest) for each in self._sources]
        updated_at, version, correlation_id = texts[self._business :]
        del texts[self._business :]
        for place, text, other in self._fillings:
            if not texts[place]:
                texts[place] = text if other is None else texts[other]
        digest = hashlib.sha256((self._prefix + SEPARATOR.join(texts)).encode()).digest()
        return Parsed(tuple(texts), updated_at, version, correlation_id, digest, (), 0)

    def value(self, root: Row, row: Row, field: str) -> Any:
        """What stands under the first name of a field that has something."""
        source = next(each for each in self._sources if each.field.name == field)
        values = (spelling.find(root, row) for spelling in (*source.names, *source.fallbacks))
        return next((value for value in values if value is not None), None)

    def absent(self, root: Row, row: Row) -> list[str]:
        """The required fields without a value."""
        return [s.field.name for s in self._sources if s.field.required and not _is_present(s, root, row)]


def _is_present(source: Source, root: Row, row: Row) -> bool:
    spellings = (*source.names, *source.fallbacks)
    return bool(source.constant) or any(s.find(root, row) not in (None, "") for s in spellings)


def _refuse_other_operations(operation: Operation, root: Row) -> None:
    """The first place that says one decides; a message that says none is taken as the row it holds."""
    for path in operation.at:
        said = value_at(root, keys_of(path))
        if said is not None and said not in operation.taken:
            taken = ", ".join(operation.taken)
            raise OperationUnsupported(f"the operation {str(said)[:40]!r} is not taken, only {taken}", path)
        if said is not None:
            return


def _bounded(source: Source, text: str | None, latest: str) -> str:
    field = source.field
    if not text:
        if field.required:
            raise _missing(source)
        return ""
    if field.kind is INSTANT and not TIME_MIN <= text <= latest:
        raise FieldInvalid(f"must lie between {TIME_MIN}Z and {latest}Z, it is {text}Z", field.name)
    return text


def _resolve(source: Source, root: Row, row: Row, hits: list[str]) -> str | None:
    """The first present name wins; two present names of the same fact must agree in value."""
    if source.constant:
        return source.constant
    found = _stated(source.names, root, row)
    if len(found) > 1 and any(text != found[0][1] for _, text in found[1:]):
        stated = ", ".join(f"{name}={text}" for name, text in found)
        raise AliasConflict(f"names of one fact disagree: {stated}", source.field.name)
    found = found or _stated(source.fallbacks, root, row, at_most=1)
    if not found:
        return None
    name, text = found[0]
    if not source.names or name != source.names[0].name:
        hits.append(source.field.name)
    return _suffixed(source.field, name, text, source.suffix) if source.suffix else text


def _stated(spellings: Sequence[Spelling], root: Row, row: Row, at_most: int = 0) -> list[tuple[str, str]]:
    """What stands under each of the names, absent ones left out; all of them unless told otherwise."""
    found: list[tuple[str, str]] = []
    for spelling in spellings:
        raw = row.get(spelling.name) if spelling.is_key else spelling.find(root, row)
        if raw is None or (text := _value(spelling.name, spelling.parse, raw)) is None:
            continue
        found.append((spelling.name, text))
        if len(found) == at_most:
            break
    return found


def _suffixed(field: Field, name: str, text: str, suffix: str) -> str | None:
    return _value(name, field.kind.parse, text + suffix)


def _value(name: str, parse: Any, raw: object) -> str | None:
    try:
        text: str | None = parse(raw)
    except ValueError as error:
        raise FieldInvalid(f"{name} {error}", name) from None
    return text


def _missing(source: Source) -> FieldMissing:
    names = [spelling.name for spelling in (*source.names, *source.fallbacks)]
    also = f" (read as {', '.join(names)})" if names != [source.field.name] else ""
    return FieldMissing(f"{source.field.name} is required{also}", source.field.name)
