"""Where a receiver starts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.eventhubs.errors import Condition
from infra.local.eventhubs.log import PartitionLog, Retention
from infra.local.eventhubs.messages import Event
from infra.local.eventhubs.selectors import start_sequence
from tests.support.amqp_client import message, refusal

NOW = 1_700_000_000_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PartitionLog]:
    """Numbers 10 to 19, one second apart; the first ten are gone."""
    retention = Retention(age_ms=10_000, size_bytes=10**9)
    log = PartitionLog.open(tmp_path, retention)
    for number in range(20):
        log.append([Event(None, (), message(b"x"))], NOW + number * 1000)
    log.apply_retention(NOW + 19_500)
    assert log.begin_sequence == 10
    yield log
    log.close()


def _where(kind: str, operator: str, value: object) -> str:
    return f"amqp.annotation.x-opt-{kind} {operator} '{value}'"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, 10),
        (_where("offset", ">", "-1"), 10),
        (_where("offset", ">", "@latest"), 20),
        (_where("offset", ">=", 0), 10),
        (_where("sequence-number", ">", 14), 15),
        (_where("sequence-number", ">=", 14), 14),
        (_where("sequence-number", ">", 3), 10),
        (_where("sequence-number", ">", -1), 10),
        (_where("sequence-number", ">", 19), 20),
        (_where("sequence-number", ">=", 20), 20),
        (_where("enqueued-time", ">", NOW + 14_000), 15),
        (_where("enqueued-time", ">=", NOW + 14_000), 14),
        (_where("enqueued-time", ">", NOW), 10),
        (_where("enqueued-time", ">", NOW + 10**9), 20),
        ("amqp.annotation.x-opt-enqueuedtimeutc > 1700000014000.5", 15),
    ],
)
def test_start_positions(log: PartitionLog, selector: str | None, expected: int) -> None:
    assert start_sequence(log, selector) == expected


def test_the_last_offset_is_a_valid_place(log: PartitionLog) -> None:
    last = log.properties().last_offset
    assert start_sequence(log, _where("offset", ">", last)) == 20
    assert start_sequence(log, _where("offset", ">=", last)) == 19


@pytest.mark.parametrize(
    ("selector", "condition"),
    [
        (_where("sequence-number", ">", 20), Condition.ARGUMENT_ERROR),
        (_where("sequence-number", ">=", 21), Condition.ARGUMENT_ERROR),
        (_where("offset", ">", 10**6), Condition.ARGUMENT_ERROR),
        (_where("offset", ">", "abc"), Condition.INVALID_FIELD),
        (_where("publisher", ">", 1), Condition.INVALID_FIELD),
        ("true", Condition.INVALID_FIELD),
    ],
)
def test_places_that_cannot_be_are_refused(log: PartitionLog, selector: str, condition: Condition) -> None:
    with refusal(condition):
        start_sequence(log, selector)
