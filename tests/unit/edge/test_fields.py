"""Reading the fields of a request."""

from datetime import UTC, datetime

import pytest

from functions.edge.endpoint import LIMIT_MAX, Request
from functions.edge.fields import ID_CHARACTERS_MAX, Fields, identifier
from functions.edge.paging import LIMIT_DEFAULT, page_of
from shared.database.cursor import CURSOR_CHARACTERS_MAX
from shared.errors.request import RequestInvalid


def refused(fields: Fields) -> list[str]:
    with pytest.raises(RequestInvalid) as caught:
        fields.close()
    return [each.field for each in caught.value.fields]


def test_nothing_wrong_closes_silently() -> None:
    Fields({}).close()


def test_every_problem_is_kept_in_order() -> None:
    fields = Fields({"a": "", "b": "x"})
    fields.text("a", 5)
    fields.whole_number("b", 1, 2, 1)
    fields.refuse("c", "is odd")
    assert refused(fields) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), (" \ta\r\n", "a"), ("a b", "a b"), ("x" * 5, "x" * 5), ("한국", "한국"), ("\xa0a", "\xa0a")],
)
def test_a_text_is_taken_without_blanks_around_it(value: str, expected: str) -> None:
    fields = Fields({"q": value})
    assert fields.text("q", 5) == expected
    fields.close()


@pytest.mark.parametrize("value", ["", "   ", "x" * 6, "a\x00b", "a\x7fb", "a\nb", "a\x85b", "a\ud800"])
def test_a_text_is_refused(value: str) -> None:
    fields = Fields({"q": value})
    fields.text("q", 5)
    assert refused(fields) == ["q"]


@pytest.mark.parametrize(
    ("value", "number"), [(None, 7), ("1", 1), ("9", 9), ("5", 5), ("05", 5)]
)  # fmt: skip
def test_a_whole_number_in_its_range(value: str | None, number: int) -> None:
    fields = Fields({} if value is None else {"n": value})
    assert fields.whole_number("n", 1, 9, 7) == number
    fields.close()


@pytest.mark.parametrize("value", ["0", "10", "-1", "+1", "1.0", "1e0", " 1", "١", "", "x", "9" * 5000])
def test_a_number_outside_is_refused(value: str) -> None:
    fields = Fields({"n": value})
    assert fields.whole_number("n", 1, 9, 7) == 7
    assert refused(fields) == ["n"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-31T09:30:00Z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31t09:30z", datetime(2026, 1, 31, 9, 30, tzinfo=UTC)),
        ("2026-01-31 09:30:00+09:00", datetime(2026, 1, 31, 0, 30, tzinfo=UTC)),
        ("2026-01-31T09:30:00.123456-0130", datetime(2026, 1, 31, 11, 0, 0, 123456, tzinfo=UTC)),
        ("2026-01-31T09:30:00.5Z", datetime(2026, 1, 31, 9, 30, 0, 500000, tzinfo=UTC)),
        ("2024-02-29T23:59:59Z", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_instant_becomes_utc(value: str, expected: datetime) -> None:
    fields = Fields({"from": value})
    found = fields.instant("from")
    fields.close()
    assert found == expected
    assert found is not None
    assert found.tzinfo == UTC


@pytest.mark.parametrize(
    "value",
    ["", "2026-01-31", "2026-01-31T09:30:00", "2025-02-29T00:00:00Z", "2026-01-31T24:00:01Z",
     "2026-01-31T09:30:00 00:00",
     "0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59-09:00", "2026-W05-6T00:00:00Z", "1767225600",
     "2026-01-31T09:30:00+25:00", "٢٠٢٦-01-31T09:30:00Z", "2026-01-31T09:30:00.1234567Z", "x" * 10_000],
)  # fmt: skip
def test_an_instant_is_refused(value: str) -> None:
    fields = Fields({"from": value})
    assert fields.instant("from") is None
    assert refused(fields) == ["from"]


def test_a_choice_is_one_of_its_values() -> None:
    fields = Fields({"group": "SUCCESS"})
    assert fields.choice("group", ("SUCCESS", "FAIL")) == "SUCCESS"
    assert fields.choice("other", ("SUCCESS", "FAIL")) is None
    fields.close()
    fields.choice("group", ("FAIL",))
    assert refused(fields) == ["group"]


def request(path: str | None, **query: str) -> Request:
    return Request({} if path is None else {"tx_id": path}, query, None, "c-1")


def read(asked: Request) -> tuple[str, Fields]:
    fields = Fields(asked.query)
    return identifier(asked, fields, "tx_id", "elsewhere"), fields


@pytest.mark.parametrize("given", ["a", "aA0._~:@-", "x" * ID_CHARACTERS_MAX, "...", "a.b"])
def test_an_id_may_stand_in_the_path(given: str) -> None:
    found, fields = read(request(given))
    fields.close()
    assert found == given


@pytest.mark.parametrize(
    "given", [".", "..", "a b", "a/b", "a%20b", "x" * (ID_CHARACTERS_MAX + 1), "한국", "a\x00", "a\n"]
)
def test_an_id_that_cannot_travel_in_a_path_is_refused(given: str) -> None:
    assert refused(read(request(given))[1]) == ["tx_id"]


@pytest.mark.parametrize("path", [None, ""])
def test_an_id_may_stand_in_the_query(path: str | None) -> None:
    found, fields = read(request(path, id=" a/b "))
    fields.close()
    assert found == "a/b"


def test_an_id_must_stand_in_one_place() -> None:
    assert refused(read(request(None))[1]) == ["id"]
    assert refused(read(request("a", id="a"))[1]) == ["id"]


def test_a_page_has_a_limit_and_perhaps_a_cursor() -> None:
    assert page_of(Fields({})) == (LIMIT_DEFAULT, None)
    assert page_of(Fields({"limit": str(LIMIT_MAX), "cursor": "abc"})) == (LIMIT_MAX, "abc")
    for wrong in (
        {"limit": str(LIMIT_MAX + 1)},
        {"limit": "0"},
        {"cursor": "x" * (CURSOR_CHARACTERS_MAX + 1)},
    ):
        fields = Fields(wrong)
        page_of(fields)
        assert refused(fields) == list(wrong)
