"""Lag and freshness from what the broker says and what we hold."""

from datetime import timedelta

import pytest

from shared.adapters.event_hubs import PartitionState
from shared.sync.measures import freshness, lags
from shared.sync.store import PositionRow
from tests.support.runtime import NOON


def position(partition_id: str, high_water: int | None, **seconds_ago: float) -> PositionRow:
    last = NOON - timedelta(**seconds_ago) if seconds_ago else None
    return PositionRow("ledger", "hub", partition_id, high_water, last, last)


def state(partition_id: str, first: int | None, last: int | None) -> PartitionState:
    return PartitionState(partition_id, first, last, None)


@pytest.mark.parametrize(
    ("first", "last", "high_water", "lag"),
    [
        (0, 9, 9, 0),
        (0, 9, 4, 5),
        (0, 9, None, 10),
        (5, 9, None, 5),
        (5, 9, 2, 7),
        (0, 9, 12, 0),
        (None, None, None, 0),
        (None, None, 7, 0),
    ],
)
def test_lag_counts_the_events_beyond_our_highest_number(
    first: int | None, last: int | None, high_water: int | None, lag: int
) -> None:
    found = lags({"ledger": [state("0", first, last)]}, [position("0", high_water, seconds=1)])
    assert found == {("ledger", "0"): lag}


def test_of_a_partition_not_read_yet_all_it_holds_is_lag() -> None:
    assert lags({"ledger": [state("0", 3, 9)]}, []) == {("ledger", "0"): 7}


def test_lag_is_unknown_when_the_broker_cannot_be_asked() -> None:
    positions = [position("0", 4, seconds=1), position("1", None)]
    found = lags({"ledger": None, "payment_order": [state("0", 0, 9)]}, positions)
    assert found == {("ledger", "0"): None, ("ledger", "1"): None, ("payment_order", "0"): 10}


def test_freshness_grows_while_nothing_comes() -> None:
    positions = [position("0", 4, seconds=30), position("1", None)]
    assert freshness(positions, NOON) == {("ledger", "0"): 30.0}
    assert freshness(positions, NOON + timedelta(minutes=5)) == {("ledger", "0"): 330.0}


def test_freshness_is_never_negative() -> None:
    assert freshness([position("0", 4, seconds=-5)], NOON) == {("ledger", "0"): 0.0}
