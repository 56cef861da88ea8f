"""Times of an event: UTC text whose order is the order of the instants."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sync.events.values import Number, instant, instant_text
from tests.support.refusals import refuses
from tests.support.steady import STEADY


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("2026-11-23T10:20:30Z", "2026-11-23T10:20:30"),
        ("2026-11-23T10:20:30.000Z", "2026-11-23T10:20:30"),
        ("2026-11-23T10:20:30.120Z", "2026-11-23T10:20:30.12"),
        ("2026-11-23T10:20:30.123456Z", "2026-11-23T10:20:30.123456"),
        ("2026-11-23T10:20:30.123456789Z", "2026-11-23T10:20:30.123456"),
        ("2026-11-23T10:20:30.1234569", "2026-11-23T10:20:30.123456"),
        ("2026-11-23T10:20:30,5Z", "2026-11-23T10:20:30.5"),
        ("2026-11-23T10:20:30", "2026-11-23T10:20:30"),
        ("2026-11-23T10:20", "2026-11-23T10:20:00"),
        ("2026-11-23t10:20:30z", "2026-11-23T10:20:30"),
        ("2026-11-23 10:20:30Z", "2026-11-23T10:20:30"),
        ("2026-11-23T19:20:30+09:00", "2026-11-23T10:20:30"),
        ("2026-11-23T19:20:30+0900", "2026-11-23T10:20:30"),
        ("2026-11-23T19:20:30+09", "2026-11-23T10:20:30"),
        ("2026-11-23T10:20:30+00:00", "2026-11-23T10:20:30"),
        ("2026-11-23T10:20:30-00:00", "2026-11-23T10:20:30"),
        ("2026-11-22T23:50:30-10:30", "2026-11-23T10:20:30"),
        (" 2026-11-23T10:20:30Z\n", "2026-11-23T10:20:30"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00"),
    ],
)
def test_instants(raw: str, text: str) -> None:
    assert instant(raw) == text


@pytest.mark.parametrize("raw", ["", " ", "\r\n"])
def test_blank_is_absent(raw: str) -> None:
    assert instant(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "2026-11-23",
        "20261123T102030Z",
        "2026-W48-1T10:20:30",
        "2026-327T10:20:30",
        "10:20:30Z",
        "2026-11-23T",
        "2026-11-23T10Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T10:60:00Z",
        "2026-11-23T10:20:60Z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-11-31T10:20:30Z",
        "0000-01-01T00:00:00Z",
        "2026-11-23T10:20:30+25:00",
        "2026-11-23T10:20:30 Z",
        "2026-11-23T10:20:30.Z",
        "2026-11-23T10:20:30.1234567890Z",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "now",
        "1763893230",
        "２０２６-11-23T10:20:30Z",
        "2026-11-23T10:20:30Z\x00",
    ],
)
def test_what_is_no_instant_is_refused(raw: str) -> None:
    assert refuses(instant, raw)


@pytest.mark.parametrize("raw", [1763893230, 0, True, Number("1.5"), None, [], {}])
def test_another_type_is_refused(raw: object) -> None:
    assert refuses(instant, raw)


ZONES = st.integers(min_value=-14 * 60, max_value=14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
MOMENTS = st.datetimes(datetime(2000, 1, 2), datetime(2100, 1, 1), timezones=ZONES)  # noqa: DTZ001


@given(MOMENTS)
@STEADY
def test_every_spelling_of_an_instant_is_one_text(moment: datetime) -> None:
    text = instant_text(moment)
    utc = moment.astimezone(UTC)
    assert datetime.fromisoformat(text + "+00:00") == moment
    assert instant(moment.isoformat()) == text
    assert instant(utc.isoformat().replace("+00:00", "Z")) == text
    assert instant(utc.replace(tzinfo=None).isoformat()) == text
    assert instant(text) == text


@given(MOMENTS, MOMENTS)
@STEADY
def test_the_order_of_the_texts_is_the_order_of_the_instants(one: datetime, other: datetime) -> None:
    assert (instant_text(one) < instant_text(other)) == (one < other)
