"""Events that can never be applied, each with a different mistake; the rest of the event is sound."""

from collections.abc import Callable

import msgspec

from infra.local.sample.dialects import Dialect
from infra.local.sample.model import Stream
from infra.local.sample.records import Body, time_field

BODY_LIMIT_BYTES = 256 * 1024
NESTING = 48
_MARK = "\u2042"
_MARK_JSON = f'"{_MARK}"'.encode()
_encode = msgspec.json.Encoder().encode

Maker = Callable[[Body], bytes]


def _text_of(body: Body) -> str:
    return "wallet_id" if "tx_id" in body else "order_id"


def _with(body: Body, **changes: object) -> bytes:
    return _encode({**body, **changes})


def _literal(field: str, raw: bytes) -> Maker:
    """Puts bytes where JSON wants a value, so that mistakes no encoder would make can be sent."""
    return lambda body: _encode({**body, field: _MARK}).replace(_MARK_JSON, raw)


def _text_literal(raw: bytes) -> Maker:
    return lambda body: _literal(_text_of(body), raw)(body)


def _time(text: str) -> Maker:
    return lambda body: _with(body, **{time_field(body): text})


def _missing(body: Body) -> bytes:
    left_out = "wallet_id" if "tx_id" in body else "status"
    return _encode({name: value for name, value in body.items() if name != left_out})


def _alias_conflict(body: Body) -> bytes:
    return _with(body, version=1, source_version=2)


MALFORMED: tuple[tuple[str, Maker], ...] = (
    ("truncated_json", lambda body: _encode(body)[:-9]),
    ("not_an_object", lambda body: _encode([body])),
    ("empty_body", lambda _body: b""),
    ("wrong_type", lambda body: _with(body, amount={"value": 10})),
    ("missing_field", _missing),
    ("amount_not_a_number", _literal("amount", b"NaN")),
    ("amount_beyond_range", _literal("amount", b"1e400")),
    ("amount_negative_zero", _literal("amount", b"-0")),
    ("amount_negative", _literal("amount", b"-12")),
    ("amount_of_40_digits", _literal("amount", b"1234567890" * 4)),
    ("amount_of_9_decimals", lambda body: _with(body, amount="10.123456789")),
    ("nul_in_text", lambda body: _with(body, **{_text_of(body): "abc\u0000def"})),
    ("lone_surrogate", _text_literal(b'"abc-\\ud800"')),
    ("not_utf8", _text_literal(b'"caf\xe9"')),
    ("duplicate_key", lambda body: b'{"amount":1,' + _encode(body)[1:]),
    ("deep_nesting", _literal("extra", b"[" * NESTING + b"]" * NESTING)),
    ("year_1", _time("0001-01-01T00:00:00Z")),
    ("year_9999", _time("9999-12-31T23:59:59Z")),
    ("date_only", _time("2026-11-23")),
    ("unknown_site", lambda body: _with(body, site_id="XX-NOWHERE")),
    ("alias_conflict", _alias_conflict),
)
OVERSIZED = "body_too_large"
# Large bodies are costly to carry and rare in life.
OVERSIZED_EVERY = 64


# Mistakes of the bytes, made whatever the names in them are; and mistakes of values, which any dialect can tell.
_OF_BYTES = frozenset({"truncated_json", "not_an_object", "empty_body"})
_OF_VALUES = frozenset(
    {"wrong_type", "missing_field", "amount_negative", "amount_of_9_decimals", "nul_in_text"}
)
_OF_VALUES |= {"year_1", "year_9999", "date_only", "unknown_site"}
TRANSLATED = tuple((kind, make) for kind, make in MALFORMED if kind in _OF_BYTES | _OF_VALUES)


def malformed_body(number: int, body: Body) -> tuple[str, bytes]:
    """The kind and the bytes of the malformed event with this number; all kinds take turns."""
    if number % OVERSIZED_EVERY == OVERSIZED_EVERY - 1:
        return OVERSIZED, _with(body, note="x" * BODY_LIMIT_BYTES)
    kind, make = MALFORMED[number % len(MALFORMED)]
    return kind, make(body)


def malformed_in(dialect: Dialect, number: int, stream: Stream, body: Body) -> tuple[str, bytes]:
    """The same in a dialect, with the mistakes that any dialect can tell."""
    told = dialect.write(stream, body)
    if told is body:
        return malformed_body(number, body)
    if number % OVERSIZED_EVERY == OVERSIZED_EVERY - 1:
        return OVERSIZED, _with(told, note="x" * BODY_LIMIT_BYTES)
    kind, make = TRANSLATED[number % len(TRANSLATED)]
    if kind in _OF_BYTES:
        return kind, make(told)
    return kind, _encode(dialect.write(stream, msgspec.json.decode(make(body))))
