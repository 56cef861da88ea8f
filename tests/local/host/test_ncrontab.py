from datetime import UTC, datetime, timedelta, timezone

import pytest

from infra.local.host.errors import StartError
from infra.local.host.ncrontab import Schedule


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("0 */5 * * * *", "2026-11-24T10:03:00", "2026-11-24T10:05:00"),
        ("0 */5 * * * *", "2026-11-24T10:05:00", "2026-11-24T10:10:00"),
        ("0 */5 * * * *", "2026-11-24T10:04:59.999", "2026-11-24T10:05:00"),
        ("*/10 * * * * *", "2026-11-24T10:03:05", "2026-11-24T10:03:10"),
        ("30 0 * * * *", "2026-11-24T10:00:31", "2026-11-24T11:00:30"),
        ("0 30 9 * * 1-5", "2026-11-27T09:30:00", "2026-11-30T09:30:00"),
        ("0 30 9 * * MON-FRI", "2026-11-27T09:30:00", "2026-11-30T09:30:00"),
        ("0 0 0 1 1 *", "2026-11-24T00:00:00", "2027-01-01T00:00:00"),
        ("0 0 0 29 2 *", "2026-11-24T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 12 13 * 5", "2026-11-24T00:00:00", "2027-08-13T12:00:00"),
        ("0 0 0 31 * *", "2026-11-24T00:00:00", "2026-12-31T00:00:00"),
        ("0 15,45 8-9 * JAN,DEC *", "2026-11-24T00:00:00", "2026-12-01T08:15:00"),
        ("0 0 0 * * 0", "2026-11-24T00:00:00", "2026-11-29T00:00:00"),
        ("59 59 23 31 12 *", "2026-12-31T23:59:59", "2027-12-31T23:59:59"),
    ],
)
def test_due_times(expression: str, after: str, due: str) -> None:
    assert Schedule.parse(expression, "f").next_after(at(after)) == at(due)


def test_due_times_are_utc_whatever_the_zone_of_the_question() -> None:
    zone = timezone(timedelta(hours=5))
    due = Schedule.parse("0 0 0 * * *", "f").next_after(datetime(2026, 11, 24, 3, tzinfo=zone))
    assert due == at("2026-11-24T00:00:00")


@pytest.mark.parametrize(
    "expression",
    [
        "*/5 * * * *", "0 60 * * * *", "0 0 24 * * *", "0 0 0 0 * *", "0 0 0 32 * *", "0 0 0 * 13 *",
        "0 0 0 * * 7", "0 0 0 * * MON#2", "0 0 0 L * *", "@hourly", "", "00:05:00", "0 0 0 30 2 *", "a b c d e f",
        "0 0 0 * * * 2026", "60 * * * * *", "0 0 0 ? * *",
    ],
)  # fmt: skip
def test_what_is_not_ncrontab_is_refused(expression: str) -> None:
    with pytest.raises(StartError, match="The schedule of f"):
        Schedule.parse(expression, "The schedule of f")


@pytest.mark.parametrize(
    ("expression", "below"), [("*/30 * * * * *", True), ("0 * * * * *", False), ("0 0 0 1 1 *", False)]
)
def test_sub_minute_schedules_are_known(expression: str, below: bool) -> None:
    assert Schedule.parse(expression, "f").below_a_minute is below
