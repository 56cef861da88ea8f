"""The careful way to read: a JSON object of any shape becomes canonical texts, or the field at fault is named."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from shared.sync.errors import AliasConflict, FieldInvalid, FieldMissing
from shared.sync.events.contract import SEPARATOR, Contract, Defaults, Field, Parsed
from shared.sync.events.usual import UsualReader
from shared.sync.events.values import INSTANT, TIME_MIN


class Reader:
    """Reads events of one contract, the usual ones many at a time; built once."""

    def __init__(self, contract: Contract, defaults: Defaults) -> None:
        self._fields = contract.all_fields()
        self._business = len(contract.fields)
        self._known = contract.known_names()
        self._fillings = contract.fillings(defaults)
        self._prefix = contract.digest_prefix + SEPARATOR
        self.usual = UsualReader(contract, defaults)

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
        for place, text, other in self._fillings:
            if not texts[place]:
                texts[place] = text if other is None else texts[other]
        digest = hashlib.sha256((self._prefix + SEPARATOR.join(texts)).encode()).digest()
        return Parsed(tuple(texts), updated_at, version, correlation_id, digest, hits, unknown)

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
