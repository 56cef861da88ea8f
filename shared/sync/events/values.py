"""The value kinds of the event contract: raw JSON value → canonical text, None when blank, ValueError when wrong.

Canonical text is what is stored, compared and digested:
- amounts: shortest plain decimal, no exponent, no trailing zeros;
- instants: `YYYY-MM-DDTHH:MM:SS[.ffffff]` in UTC, no zone letter, no trailing zeros, so that text order is time order;
- versions: decimal integers.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

BLANKS = " \t\r\n"
BODY_BYTES_MAX = 256 * 1024
INTEGER_DIGITS_MAX = 20
DECIMAL_DIGITS_MAX = 8
IDENTIFIER_LENGTH_MAX = 200
VERSION_MAX = 2**63 - 1
TIME_MIN = "2000-01-01T00:00:00"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_BUT_BLANKS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# One way to match: zeros at the ends are stripped afterwards, so that a long text costs no more than its length.
_PLAIN_AMOUNT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]*))?", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,60}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,4})?", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
    r"([Zz]|[+-][0-9]{2}(:?[0-5][0-9])?)?",
    re.ASCII,
)
_LETTERS = re.compile(r"[A-Za-z]{3}", re.ASCII)


class Number(str):
    """A JSON number that has a fraction or an exponent, or is too long for an int: kept as it was written."""

    __slots__ = ()


Parse = Callable[[Any], str | None]


@dataclass(frozen=True)
class Kind:
    """A value kind: how to read it.

    `usual` matches what most events hold; its one group is the canonical text, without an instant's zone letter and
    without trailing zeros. `is_number` says that the value may be a JSON number.
    """

    parse: Parse
    usual: str
    is_number: bool = False


def identifier(raw: object) -> str | None:
    """Text of 1–200 characters after trimming, no control characters; an integer literal is turned to text."""
    if type(raw) is str:
        if raw.isascii() and raw.isprintable() and " " not in raw and 0 < len(raw) <= IDENTIFIER_LENGTH_MAX:
            return raw
        return _checked_text(raw, IDENTIFIER_LENGTH_MAX, _CONTROL)
    if type(raw) is int:
        return _checked_text(str(raw), IDENTIFIER_LENGTH_MAX, _CONTROL)
    raise ValueError(f"must be text or an integer, not {type_name(raw)}")


def code(raw: object) -> str | None:
    """Upper-cased text of at most 40 characters."""
    text = _checked_text(_string(raw), 40, _CONTROL)
    return text.upper() if text else None


def short_text(raw: object) -> str | None:
    """Trimmed text of at most 40 characters, case kept."""
    return _checked_text(_string(raw), 40, _CONTROL)


def free_text(raw: object) -> str | None:
    """Trimmed text of at most 500 characters; line breaks and tabs are allowed inside."""
    return _checked_text(_string(raw), 500, _CONTROL_BUT_BLANKS)


def currency(raw: object) -> str | None:
    """Three ISO 4217 letters."""
    text = _string(raw).strip(BLANKS)
    if not text:
        return None
    if not _LETTERS.fullmatch(text):
        raise ValueError(f"must be three ISO 4217 letters, not {shown(text)}")
    return text.upper()


def amount(raw: object) -> str | None:
    """A finite number ≥ 0 with at most 20 integer and 8 decimal digits, read exactly; −0 is refused."""
    text = signed_amount(raw)
    if text is not None and text[0] == "-":
        raise ValueError(f"must not be negative, it is {shown(text)}")
    return text


def signed_amount(raw: object) -> str | None:
    """The same with a sign allowed."""
    if type(raw) is not str and type(raw) is not Number and type(raw) is not int:
        raise ValueError(f"must be a number or a numeric string, not {type_name(raw)}")
    text = str(raw).strip(BLANKS)
    if not text:
        return None
    match = _PLAIN_AMOUNT.fullmatch(text) or _PLAIN_AMOUNT.fullmatch(_without_exponent(text))
    assert match is not None, "a number written out is plain"
    sign, whole, fraction = match[1], match[2].lstrip("0") or "0", (match[3] or "").rstrip("0")
    if len(whole) > INTEGER_DIGITS_MAX:
        raise ValueError(f"has more than {INTEGER_DIGITS_MAX} integer digits: {shown(text)}")
    if fraction:
        if len(fraction) > DECIMAL_DIGITS_MAX:
            raise ValueError(f"has more than {DECIMAL_DIGITS_MAX} decimals: {shown(text)}")
        return f"{sign}{whole}.{fraction}"
    if sign and whole == "0":
        raise ValueError("is negative zero")
    return sign + whole


def version(raw: object) -> str | None:
    """An integer from 0 to 2^63−1, as a JSON integer or its digits; 0 is a value."""
    if type(raw) is int:
        number = raw
    elif type(raw) is str:
        text = raw.strip(BLANKS)
        if not text:
            return None
        if not text.isascii() or not text.isdigit() or len(text) > 30:
            raise ValueError(f"must be an integer, not {shown(text)}")
        number = int(text)
    else:
        raise ValueError(f"must be an integer, not {type_name(raw)}")
    if not 0 <= number <= VERSION_MAX:
        raise ValueError(f"must lie between 0 and 2^63-1, it is {shown(str(number))}")
    return str(number)


def instant(raw: object) -> str | None:
    """An ISO 8601 date and time; no offset means UTC; a date alone is refused; kept to microseconds."""
    if type(raw) is not str:
        raise ValueError(f"must be an ISO 8601 date and time, not {type_name(raw)}")
    text = raw.strip(BLANKS)
    if not text:
        return None
    if not _INSTANT.fullmatch(text):
        hint = "a date alone is not an instant" if len(text) == 10 else "write 2026-11-23T10:20:30Z"
        raise ValueError(f"must be an ISO 8601 date and time, not {shown(text)}; {hint}")
    try:
        moment = datetime.fromisoformat(text.replace(",", ".").upper())
        return instant_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise ValueError(f"is no valid date and time: {shown(text)}") from error


def instant_text(moment: datetime) -> str:
    """The canonical text of an aware instant."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    text = moment.isoformat()[:-6]
    return text.rstrip("0") if len(text) > 19 else text


def _without_exponent(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"must be a finite number, not {shown(text)}")
    try:
        number = Decimal(text)
        if abs(number.adjusted()) > 60:
            raise ValueError(f"is out of range: {shown(text)}")
        return format(number, "f")
    except InvalidOperation as error:
        raise ValueError(f"must be a finite number, not {shown(text)}") from error


def _string(raw: object) -> str:
    if type(raw) is not str:
        raise ValueError(f"must be text, not {type_name(raw)}")
    return raw


def _checked_text(raw: str, longest: int, forbidden: re.Pattern[str]) -> str | None:
    text = raw.strip(BLANKS)
    if not text:
        return None
    if len(text) > longest:
        raise ValueError(f"has {len(text)} characters, at most {longest} are allowed")
    if found := forbidden.search(text):
        raise ValueError(f"holds the control character U+{ord(found[0]):04X} at position {found.start() + 1}")
    return text


def shown(text: str) -> str:
    """A text as a message shows it: quoted, and not longer than a line bears."""
    return repr(text if len(text) <= 60 else text[:57] + "…")


_JSON_TYPES = {
    bool: "a boolean",
    int: "an integer",
    Number: "a number",
    str: "text",
    list: "an array",
    dict: "an object",
}


def type_name(raw: object) -> str:
    """What JSON calls the type of a value."""
    return _JSON_TYPES.get(type(raw), type(raw).__name__)


# No digit may follow the twentieth: the zeros after the group would take it.
_PLAIN = r"(?:0|[1-9][0-9]{0,19})(?![0-9])(?:\.[0-9]{0,7}[1-9])?"
_ZEROS = r"(?:\.0{1,8}|0{1,7})?"
# Every date but a 29 February, which is looked at the careful way.
_DATE = (
    r"[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
IDENTIFIER = Kind(identifier, r"([!-~]{1,200})")
CODE = Kind(code, r"([0-9A-Z_]{1,40})")
SHORT_TEXT = Kind(short_text, r"([!-~]{1,40})")
FREE_TEXT = Kind(free_text, r"([^\x00-\x20\x7f-\x9f](?:[^\x00-\x1f\x7f-\x9f]{0,498}[^\x00-\x20\x7f-\x9f])?)")
CURRENCY = Kind(currency, r"([A-Z]{3})")
AMOUNT = Kind(amount, f"({_PLAIN}){_ZEROS}", is_number=True)
# A negative zero is no number here.
SIGNED_AMOUNT = Kind(signed_amount, rf"((?:-(?!0(?:\.0*)?(?:\x1f|\Z)))?{_PLAIN}){_ZEROS}", is_number=True)
INSTANT = Kind(
    instant,
    rf"({_DATE}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.(?=[0-9]{{1,9}}Z)[0-9]{{0,5}}[1-9])?)"
    r"(?:\.0{1,6}|0{1,5})?Z",
)
VERSION = Kind(version, r"(0|[1-9][0-9]{0,17})", is_number=True)
