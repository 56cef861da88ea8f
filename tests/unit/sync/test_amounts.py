"""Amounts: read exactly, kept in one normal form, never rounded."""

import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sync.events.values import Number, amount, signed_amount
from tests.support.refusals import refuses
from tests.support.steady import STEADY


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (0, "0"),
        (7, "7"),
        ("0", "0"),
        ("0.0", "0"),
        ("00", "0"),
        ("007", "7"),
        ("1250.00", "1250"),
        (Number("1250.50"), "1250.5"),
        (Number("1e2"), "100"),
        (Number("1E+2"), "100"),
        (Number("12e-1"), "1.2"),
        ("0.00000001", "0.00000001"),
        ("0.000000010000", "0.00000001"),
        ("0.1", "0.1"),
        (" 1.5\n", "1.5"),
        ("99999999999999999999.99999999", "99999999999999999999.99999999"),
        (10**20 - 1, "99999999999999999999"),
        ("0" * 30 + "1", "1"),
        (Number("0.30000000000000000"), "0.3"),
    ],
)
def test_amounts_in_normal_form(raw: object, text: str) -> None:
    assert amount(raw) == text
    assert signed_amount(raw) == text


@pytest.mark.parametrize(
    ("raw", "text"), [("-1.50", "-1.5"), (-7, "-7"), (Number("-1e2"), "-100"), ("-0.00000001", "-0.00000001")]
)
def test_only_a_signed_amount_may_be_negative(raw: object, text: str) -> None:
    assert signed_amount(raw) == text
    assert refuses(amount, raw)


@pytest.mark.parametrize(
    "raw", ["-0", "-0.0", "-00.000", Number("-0"), Number("-0.0"), Number("-0e5"), "-0E-3"]
)
def test_negative_zero_is_refused(raw: object) -> None:
    for parse in (amount, signed_amount):
        assert refuses(parse, raw)


@pytest.mark.parametrize("raw", ["0.123456789", Number("1e-9"), "1.000000001", Number("0.0000000010")])
def test_a_ninth_decimal_is_refused_and_never_rounded(raw: object) -> None:
    assert refuses(amount, raw)


@pytest.mark.parametrize("raw", ["1" * 21, 10**20, Number("1e20"), "1" * 40, 10**39, "1" * 21 + ".5"])
def test_a_twenty_first_integer_digit_is_refused(raw: object) -> None:
    assert refuses(amount, raw)


@pytest.mark.parametrize(
    "raw",
    [
        "NaN",
        "nan",
        "Infinity",
        "-inf",
        "1e400",
        Number("1e400"),
        "1e-400",
        "1e99999",
        "1_000",
        "1,5",
        "1.5.5",
        "+1",
        "--1",
        "0x10",
        ".5",
        "1 2",
        "１２",
        "٣",
        "1e",
        "abc",
        "1\x00",
    ],
)
def test_what_is_no_finite_number_is_refused(raw: object) -> None:
    for parse in (amount, signed_amount):
        assert refuses(parse, raw)


@pytest.mark.parametrize("raw", [True, False, None, [], {}, 1.5])
def test_another_type_is_refused(raw: object) -> None:
    for parse in (amount, signed_amount):
        assert refuses(parse, raw)


@pytest.mark.parametrize("raw", ["", " ", "\t\r\n"])
def test_blank_is_absent(raw: str) -> None:
    assert amount(raw) is None
    assert signed_amount(raw) is None


@given(
    st.integers(min_value=0, max_value=10**20 - 1),
    st.integers(min_value=0, max_value=10**8 - 1),
    st.integers(min_value=0, max_value=8),
    st.booleans(),
)
@STEADY
def test_the_normal_form_keeps_the_value_and_is_the_only_spelling(
    whole: int, fraction: int, zeros: int, negative: bool
) -> None:
    value = Decimal(f"{'-' if negative else ''}{whole}.{fraction:08d}")
    if value.is_signed() and not value:
        return
    text = signed_amount(f"{value:f}" + "0" * zeros)
    assert text is not None
    assert Decimal(text) == value
    assert "." not in text or text[-1] not in "0."
    assert text.lstrip("-") == "0" or not text.lstrip("-").startswith("00")
    for spelling in (f"{value:f}", f"{value:E}", text):
        assert signed_amount(Number(spelling)) == text
    assert signed_amount(text) == text


@pytest.mark.parametrize(
    "text", ["1." + "0" * 250_000 + "1", "0" * 250_000 + ".5", "1" * 250_000 + "x", "1." * 90_000]
)
def test_a_long_text_takes_no_longer_than_its_length(text: str) -> None:
    """Ten milliseconds would be slow; a reading that backtracks needs hours for these."""
    started = time.process_time()
    refuses(amount, text)
    assert time.process_time() - started < 2
