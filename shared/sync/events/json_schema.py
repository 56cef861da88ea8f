"""The published JSON Schema of an event (2020-12), generated from its contract.

A schema describes the event itself, out of its envelope. It accepts what the reader accepts, except for what JSON
Schema has no words for; LIMITS names that, and every schema repeats it in its description.
"""

from dataclasses import dataclass
from typing import Any

from shared.sync.events.contract import Contract, Field
from shared.sync.events.values import (
    AMOUNT,
    CODE,
    CURRENCY,
    DECIMAL_DIGITS_MAX,
    FREE_TEXT,
    IDENTIFIER,
    IDENTIFIER_LENGTH_MAX,
    INSTANT,
    INTEGER_DIGITS_MAX,
    SHORT_TEXT,
    SIGNED_AMOUNT,
    VERSION,
    VERSION_MAX,
    Kind,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
LIMITS = (
    "the bytes are UTF-8, at most 256 KiB, one JSON text without NaN, Infinity or a lone surrogate",
    "no object names a key twice, and objects and arrays nest at most 32 deep",
    "times are days of the calendar, from 2000-01-01 to the event's enqueued time plus a tolerance",
    "integers are written without fraction and exponent, zero without a minus sign",
    "an amount keeps to its digits also where it is a JSON number or has an exponent, a version also where it is text",
    "two names of one fact agree in value",
    "the site is registered and active",
)

_BLANKS = r"[ \t\r\n]*"
# Neither a control character nor a blank; and inside a text: blanks, but no control character.
_EDGE = r"[^\u0000-\u0020\u007f-\u009f]"
_INNER = r"[^\u0000-\u001f\u007f-\u009f]"
_INNER_LINES = r"[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]"
_EXPONENT = r"[0-9]{1,60}(?:\.[0-9]{1,60})?[eE][+-]?[0-9]{1,4}"
_NUMERAL = rf"(?:0*[0-9]{{1,{INTEGER_DIGITS_MAX}}}(?:\.[0-9]{{0,{DECIMAL_DIGITS_MAX}}}0*)?|{_EXPONENT})"
_MINUS = r"(?:-(?![0.]+(?:[eE][+-]?[0-9]+)?[ \t\r\n]*$))?"
_DAY = r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_HOUR = r"(?:[01][0-9]|2[0-3])"
_SECONDS = r"(?::[0-5][0-9](?:[.,][0-9]{1,9})?)?"
_OFFSET = rf"(?:[Zz]|[+-]{_HOUR}(?::?[0-5][0-9])?)?"


@dataclass(frozen=True)
class Form:
    """How values of a kind look: in words, as text without the blanks around it, and as JSON numbers if they may be."""

    name: str
    words: str
    text: str
    numbers: tuple[tuple[str, Any], ...] = ()

    def schema(self) -> dict[str, Any]:
        """Null and a blank text are allowed: they say that the field is absent."""
        numbers = dict(self.numbers)
        number = [numbers.pop("type")] if numbers else []
        pattern = f"^{_BLANKS}(?:{self.text})?{_BLANKS}$"
        return {"description": self.words, "type": ["string", *number, "null"], "pattern": pattern, **numbers}


def _text_of(characters_max: int, inner: str = _INNER) -> str:
    return f"{_EDGE}(?:{inner}{{0,{characters_max - 2}}}{_EDGE})?"


_PRESENT: dict[str, Any] = {
    "description": "neither null nor blank",
    "not": {"type": "null"},
    "pattern": r"[^ \t\r\n]",
}
_AMOUNT_BOUND = 10**INTEGER_DIGITS_MAX
_FORMS: tuple[tuple[Kind, Form], ...] = (
    (
        IDENTIFIER,
        Form(
            "identifier",
            "text of 1 to 200 characters without control characters, or an integer",
            _text_of(IDENTIFIER_LENGTH_MAX),
            (("type", "integer"), ("exclusiveMinimum", -1e199), ("exclusiveMaximum", 1e200)),
        ),
    ),
    (CODE, Form("code", "text of at most 40 characters, read in capitals", _text_of(40))),
    (SHORT_TEXT, Form("short_text", "text of at most 40 characters, case kept", _text_of(40))),
    (
        FREE_TEXT,
        Form("free_text", "text of at most 500 characters, line breaks allowed", _text_of(500, _INNER_LINES)),
    ),
    (CURRENCY, Form("currency", "three ISO 4217 letters", "[A-Za-z]{3}")),
    (
        AMOUNT,
        Form(
            "amount",
            "number or numeric text, at least 0, at most 20 digits before and 8 after the point",
            _NUMERAL,
            (("type", "number"), ("minimum", 0), ("exclusiveMaximum", _AMOUNT_BOUND)),
        ),
    ),
    (
        SIGNED_AMOUNT,
        Form(
            "signed_amount",
            "number or numeric text, at most 20 digits before and 8 after the point",
            _MINUS + _NUMERAL,
            (("type", "number"), ("exclusiveMinimum", -_AMOUNT_BOUND), ("exclusiveMaximum", _AMOUNT_BOUND)),
        ),
    ),
    (
        INSTANT,
        Form(
            "instant",
            "ISO 8601 date and time; UTC unless it names an offset; kept to the microsecond",
            f"{_DAY}[Tt ]{_HOUR}:[0-5][0-9]{_SECONDS}{_OFFSET}",
        ),
    ),
    (
        VERSION,
        Form(
            "version",
            "integer from 0 to 2^63-1, or its digits as text",
            "(?=[0-9]{1,30}(?![0-9]))0*[0-9]{1,19}",
            (("type", "integer"), ("minimum", 0), ("maximum", VERSION_MAX)),
        ),
    ),
)


def form_of(kind: Kind) -> Form:
    """The form of a kind; raises LookupError for a kind that has none yet."""
    for known, form in _FORMS:
        if known is kind:
            return form
    raise LookupError(f"{kind.parse.__name__} has no form: add it to shared/sync/events/json_schema.py")


def json_schema(contract: Contract) -> dict[str, Any]:
    """The schema of one event type."""
    fields = contract.all_fields()
    named_otherwise = [field for field in fields if field.required and _other_names(field)]
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "$id": f"urn:counterfoil:schema:{contract.title}",
        "title": contract.title,
        "description": _description(contract),
        "type": "object",
        "required": [field.name for field in fields if field.required and field not in named_otherwise],
    }
    if named_otherwise:
        schema["allOf"] = [_under_some_name(field) for field in named_otherwise]
    forms = [form_of(field.kind) for field in fields]
    schema["properties"] = _properties(fields)
    schema["$defs"] = {"present": _PRESENT, **{form.name: form.schema() for form in forms}}
    return schema


def _description(contract: Contract) -> str:
    return (
        f"One event of the stream {contract.stream}: a full snapshot, keyed by {contract.key}, without its envelope. "
        "Fields that are not listed are ignored. A schema cannot say, and the reader checks too, that "
        + "; ".join(LIMITS)
        + "."
    )


def _other_names(field: Field) -> tuple[str, ...]:
    return (*field.aliases, *field.fallbacks)


def _under_some_name(field: Field) -> dict[str, Any]:
    """A required field has a value under at least one of its names."""
    names = (field.name, *_other_names(field))
    return {"anyOf": [{"required": [name], "properties": {name: _reference("present")}} for name in names]}


def _properties(fields: tuple[Field, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in fields:
        form = _reference(form_of(field.kind).name)
        if field.required and not _other_names(field):
            form = {"allOf": [form, _reference("present")]}
        found[field.name] = {"description": field.meaning, **form}
        for alias in field.aliases:
            found[alias] = {"description": f"another name of {field.name}", **form}
    return found


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}
