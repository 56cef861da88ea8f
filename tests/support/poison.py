"""Events that can never be applied: what they hold, and the code and field their dead letter must name."""

import json
from dataclasses import dataclass
from typing import Any

from tests.support.sync_events import ABSENT, ledger_body

JSON, ENCODING, OBJECT = "CONTRACT_JSON_INVALID", "CONTRACT_ENCODING_INVALID", "CONTRACT_NOT_AN_OBJECT"
MISSING, INVALID = "CONTRACT_FIELD_MISSING", "CONTRACT_FIELD_INVALID"


@dataclass(frozen=True)
class Poison:
    """One such body."""

    name: str
    body: bytes
    code: str
    field: str | None = None


def _with(**fields: Any) -> bytes:
    return json.dumps(ledger_body("poison", **fields)).encode()


def _written(name: str, literal: str) -> bytes:
    """A sound body, but one field as these characters."""
    sound = _with(**{name: ABSENT})
    return sound[:-1] + f', "{name}": {literal}}}'.encode("utf-8", "surrogatepass")


def _deep(depth: int) -> bytes:
    return _written("memo", "[" * depth + "]" * depth)


BODIES = (
    Poison("empty", b"", JSON),
    Poison("blank", b" \r\n ", JSON),
    Poison("cut off", _with()[:-1], JSON),
    Poison("trailing bytes", _with() + b"}", JSON),
    Poison("two objects", _with() * 2, JSON),
    Poison("no JSON", b"<entry/>", JSON),
    Poison("NUL", b"\x00", JSON),
    Poison("bare control character", _written("memo", '"a\x01b"'), JSON),
    Poison("NaN", _written("amount", "NaN"), JSON),
    Poison("Infinity", _written("amount", "Infinity"), JSON),
    Poison("minus Infinity", _written("amount", "-Infinity"), JSON),
    Poison("array", b"[" + _with() + b"]", OBJECT),
    Poison("text", b'"' + b"x" * 10 + b'"', OBJECT),
    Poison("null", b"null", OBJECT),
    Poison("envelope without object", b'{"specversion":"1.0","data":[]}', OBJECT, "data"),
    Poison("not UTF-8", b'{"tx_id":"\xff"}', ENCODING),
    Poison("Latin-1", '{"tx_id":"é"}'.encode("latin-1"), ENCODING),
    Poison("lone surrogate", _written("memo", r'"\ud800"'), ENCODING),
    Poison("lone surrogate as bytes", _written("memo", '"\ud800"'), ENCODING),
    Poison("a megabyte", _with(memo="x" * 2**20), "CONTRACT_BODY_TOO_LARGE"),
    Poison("nesting of 33", _deep(33), "CONTRACT_NESTING_TOO_DEEP"),
    Poison("nesting of 10,000", _deep(10_000), "CONTRACT_NESTING_TOO_DEEP"),
    Poison("key twice", _with()[:-1] + b',"tx_id":"other"}', "CONTRACT_DUPLICATE_KEY", "tx_id"),
    Poison("key twice, nested", _written("memo", '{"a":1,"a":1}'), "CONTRACT_DUPLICATE_KEY", "a"),
)
FIELDS = (
    Poison("nothing", b"{}", MISSING, "tx_id"),
    Poison("null id", _with(tx_id=None), MISSING, "tx_id"),
    Poison("blank id", _with(tx_id=" \t"), MISSING, "tx_id"),
    Poison("no amount", _with(amount=ABSENT), MISSING, "amount"),
    Poison("no time", _with(event_time=ABSENT), MISSING, "event_time"),
    Poison("id with NUL", _with(tx_id="a\x00b"), INVALID, "tx_id"),
    Poison("id with separator", _with(tx_id="a\x1fb"), INVALID, "tx_id"),
    Poison("id of 201 characters", _with(tx_id="x" * 201), INVALID, "tx_id"),
    Poison("id with a fraction", _written("tx_id", "1.5"), INVALID, "tx_id"),
    Poison("boolean id", _with(tx_id=True), INVALID, "tx_id"),
    Poison("object as id", _with(tx_id={}), INVALID, "tx_id"),
    Poison("zero as type", _with(entry_type=0), INVALID, "entry_type"),
    Poison("false as type", _with(entry_type=False), INVALID, "entry_type"),
    Poison("array as type", _with(entry_type=[]), INVALID, "entry_type"),
    Poison("type of 41 characters", _with(entry_type="X" * 41), INVALID, "entry_type"),
    Poison("word as amount", _with(amount="ten"), INVALID, "amount"),
    Poison("NaN as text", _with(amount="NaN"), INVALID, "amount"),
    Poison("1e400", _written("amount", "1e400"), INVALID, "amount"),
    Poison("minus zero", _written("amount", "-0"), INVALID, "amount"),
    Poison("minus zero with fraction", _written("amount", "-0.0"), INVALID, "amount"),
    Poison("negative", _with(amount=-1), INVALID, "amount"),
    Poison("40 digits", _written("amount", "9" * 40), INVALID, "amount"),
    Poison("40 digits as text", _with(amount="9" * 40), INVALID, "amount"),
    Poison("ninth decimal", _with(amount="0.123456789"), INVALID, "amount"),
    Poison("long fraction", _with(amount="1." + "0" * 200_000 + "1"), INVALID, "amount"),
    Poison("boolean amount", _with(amount=True), INVALID, "amount"),
    Poison("false as currency", _with(currency=False), INVALID, "currency"),
    Poison("four letters", _with(currency="EURO"), INVALID, "currency"),
    Poison("year 1", _with(event_time="0001-01-01T00:00:00Z"), INVALID, "event_time"),
    Poison("year 9999", _with(event_time="9999-12-31T23:59:59Z"), INVALID, "event_time"),
    Poison("date only", _with(event_time="2026-11-23"), INVALID, "event_time"),
    Poison("epoch", _with(event_time=1763893230), INVALID, "event_time"),
    Poison("second 60", _with(event_time="2026-11-23T10:20:60Z"), INVALID, "event_time"),
    Poison("version 2^63", _with(version=2**63), INVALID, "version"),
    Poison("negative version", _with(version=-1), INVALID, "version"),
    Poison("version with a fraction", _written("version", "1.0"), INVALID, "version"),
    Poison("names that disagree", _with(type="RECEIVE"), "CONTRACT_ALIAS_CONFLICT", "entry_type"),
    Poison("unknown site", _with(site_id="XX-NOWHERE"), "SITE_UNKNOWN", "site_id"),
)
POISON = (*BODIES, *FIELDS)
