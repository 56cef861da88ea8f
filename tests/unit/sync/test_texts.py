"""Identifiers, codes and texts of an event."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sync.events.values import Number, code, currency, free_text, identifier, short_text
from tests.support.refusals import refuses
from tests.support.steady import STEADY

BLANKS = ["", " ", "\t", "\r\n", " \t\r\n "]
NO_TEXTS: list[object] = [True, False, 1.5, [], {}, ["a"], {"a": 1}, b"a"]


@pytest.mark.parametrize("parse", [identifier, code, short_text, free_text, currency])
@pytest.mark.parametrize("blank", BLANKS)
def test_blank_is_absent(parse: Callable[[object], str | None], blank: str) -> None:
    assert parse(blank) is None


@pytest.mark.parametrize("parse", [identifier, code, short_text, free_text, currency])
@pytest.mark.parametrize("raw", [*NO_TEXTS, Number("1.5"), Number("-0")])
def test_what_is_no_text_is_refused(parse: Callable[[object], str | None], raw: object) -> None:
    assert refuses(parse, raw)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("tx-1", "tx-1"),
        (" \t\r\ntx-1 \t\r\n", "tx-1"),
        ("a b", "a b"),
        ("한국-1", "한국-1"),
        ("\u00a0a", "\u00a0a"),
        (0, "0"),
        (7, "7"),
        (-5, "-5"),
        (10**30, "1" + "0" * 30),
        ("x" * 200, "x" * 200),
        (" " * 5 + "x" * 200, "x" * 200),
        ("한" * 200, "한" * 200),
    ],
)
def test_identifiers(raw: object, text: str) -> None:
    assert identifier(raw) == text


@pytest.mark.parametrize("raw", ["x" * 201, "한" * 201, 10**200])
def test_an_identifier_longer_than_200_characters_is_refused(raw: object) -> None:
    assert refuses(identifier, raw)


@pytest.mark.parametrize("control", ["\x00", "\x01", "\x1f", "\x7f", "\x80", "\x85", "\x9f", "\n", "\t"])
@pytest.mark.parametrize("parse", [identifier, code, short_text])
def test_control_characters_inside_are_refused(parse: Callable[[object], str | None], control: str) -> None:
    assert refuses(parse, f"a{control}b")


@pytest.mark.parametrize("control", ["\x00", "\x1f", "\x7f", "\x85"])
def test_free_text_takes_line_breaks_but_no_other_control_character(control: str) -> None:
    assert free_text("a\tb\r\nc") == "a\tb\r\nc"
    assert refuses(free_text, f"a{control}b")


def test_a_code_is_read_in_capitals() -> None:
    assert code(" payment ") == "PAYMENT"
    assert short_text(" Settled ") == "Settled"


@pytest.mark.parametrize(("parse", "longest"), [(code, 40), (short_text, 40), (free_text, 500)])
def test_the_longest_text(parse: Callable[[object], str | None], longest: int) -> None:
    assert parse("X" * longest) == "X" * longest
    assert parse(" " + "X" * longest + "\n") == "X" * longest
    assert refuses(parse, "X" * (longest + 1))


@pytest.mark.parametrize("parse", [code, short_text, free_text, currency])
def test_an_integer_is_no_text(parse: Callable[[object], str | None]) -> None:
    for raw in (0, 7):
        assert refuses(parse, raw)


@pytest.mark.parametrize(("raw", "text"), [("KRW", "KRW"), ("usd", "USD"), (" eur ", "EUR")])
def test_currencies(raw: str, text: str) -> None:
    assert currency(raw) == text


@pytest.mark.parametrize("raw", ["KR", "KRWW", "K1W", "K W", "₩", "ÄÖÜ", "KRW\x00"])
def test_what_is_no_currency_is_refused(raw: str) -> None:
    assert refuses(currency, raw)


@given(st.text(max_size=250))
@STEADY
def test_an_identifier_is_trimmed_text_without_control_characters_or_refused(raw: str) -> None:
    trimmed = raw.strip(" \t\r\n")
    controls = any(c < " " or "\x7f" <= c <= "\x9f" for c in trimmed)
    if not trimmed:
        assert identifier(raw) is None
    elif controls or len(trimmed) > 200:
        assert refuses(identifier, raw)
    else:
        assert identifier(raw) == trimmed
