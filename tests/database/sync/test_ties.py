"""Statements that agree in all but one of the last parts of the order: that one part decides, whoever comes first."""

from datetime import timedelta
from itertools import permutations
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.histories import FRESH
from tests.support.oracle import LEDGER, folded
from tests.support.runtime import NOON
from tests.support.sync_events import Sent, entry, ingest, ledger_body, outcomes
from tests.support.sync_state import assert_converged, fetch_rows

Owner = psycopg.Connection[Any]
AGES: list[dict[str, Any]] = [{}, {"version": 1}, {"updated_at": "2026-11-23T11:00:00Z"}]


def statement(partition: str, amount: str, *, number: int = 5, later_ms: int = 0, **age: Any) -> Sent:
    """A version of t-1 from one of several partitions that count alike."""
    body = ledger_body("t-1", amount=amount, **age)
    return Sent("ledger", number, body, partition, NOON + timedelta(milliseconds=later_ms))


def assert_one_end(runtime: Runtime, owner: Owner, statements: list[Sent]) -> None:
    """Every order of arrival ends with the greatest, and each statement is applied or superseded."""
    expected = folded(statements)
    for arrival in permutations(statements):
        owner.execute(FRESH)
        standing: Sent | None = None
        for sent in arrival:
            wins = standing is None or folded([standing, sent]).rows(LEDGER) == folded([sent]).rows(LEDGER)
            assert outcomes(ingest(runtime, sent)) == {"applied" if wins else "superseded": 1}
            standing = sent if wins else standing
        assert_converged(owner, expected)


@pytest.mark.parametrize("age", AGES)
def test_the_later_enqueued_wins_by_a_millisecond(
    runtime: Runtime, owner: Owner, age: dict[str, Any]
) -> None:
    """The numbers run the other way."""
    assert_one_end(
        runtime,
        owner,
        [statement(str(n), str(n + 1), number=9 - n, later_ms=n, **age) for n in range(3)],
    )


@pytest.mark.parametrize("age", AGES)
def test_of_one_millisecond_the_higher_number_wins(
    runtime: Runtime, owner: Owner, age: dict[str, Any]
) -> None:
    assert_one_end(runtime, owner, [statement(str(n), str(9 - n), number=n, **age) for n in range(3)])


@pytest.mark.parametrize("age", AGES)
def test_of_one_place_in_time_the_digest_decides(runtime: Runtime, owner: Owner, age: dict[str, Any]) -> None:
    """Partitions count by themselves, so that two of them may give one number at one moment."""
    assert_one_end(runtime, owner, [statement(str(n), str(n + 1), **age) for n in range(3)])


def test_an_order_an_entry_only_seemed_to_belong_to_gets_no_pair(runtime: Runtime, owner: Owner) -> None:
    """What an invoice is called is no order's id, also when the entry leaves it."""
    ingest(runtime, entry(1, related_id="i-1", related_type="INVOICE", version=1))
    ingest(runtime, entry(2, related_id="o-2", version=2))
    ingest(runtime, entry(3, related_id="i-3", related_type="INVOICE", version=3))
    assert fetch_rows(owner, "pairs", "order_id").keys() == {"o-2"}
