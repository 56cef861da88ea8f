"""What arrived and what the hubs hold beyond that, on a real database."""

from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection

from infra.local.stack.account import (
    Counts,
    Pairs,
    fetch_counts,
    fetch_heads,
    fetch_missing,
    fetch_pairs,
    wait_until_accounted,
)
from shared.adapters.event_hubs import HubUnreachable
from shared.runtime import Runtime
from tests.support.ledger_rows import entry, pair, write
from tests.support.runtime import ToldHubs
from tests.support.stack_positions import LEDGER_HUB, ORDER_HUB, add_generation, partition, set_position

Owner = psycopg.Connection[Any]


def told(runtime: Runtime) -> ToldHubs:
    assert isinstance(runtime.hubs, ToldHubs)
    return runtime.hubs


@pytest.fixture
def known(owner: Owner) -> Owner:
    """Both hubs are known in their first generation."""
    for hub in (LEDGER_HUB, ORDER_HUB):
        add_generation(owner, hub)
    return owner


def test_counts_start_at_zero(runtime: Runtime) -> None:
    assert fetch_counts(runtime) == Counts()
    assert fetch_pairs(runtime) == Pairs(0, 0, 0, 0)


def test_counts_are_of_the_newest_generation_and_of_our_group(runtime: Runtime, known: Owner) -> None:
    set_position(known, LEDGER_HUB, "{[0,5)}", (1000, 1000, 1000, 1000, 1000))
    add_generation(known, LEDGER_HUB, 2)
    set_position(known, LEDGER_HUB, "{[0,5)}", (1, 2, 3, 4, 5), generation=2)
    set_position(known, LEDGER_HUB, "{[0,5)}", (10, 20, 30, 40, 50), generation=2, partition="1")
    set_position(known, ORDER_HUB, "{[0,5)}", (100, 200, 300, 400, 500))
    set_position(known, ORDER_HUB, "{[0,5)}", (7000, 7000, 7000, 7000, 7000), group="replay")
    counts = fetch_counts(runtime)
    assert counts == Counts(111, 222, 333, 444, 555)
    assert counts.received == 1110
    assert counts.since(Counts(11, 22, 33, 44, 55)) == Counts(100, 200, 300, 400, 500)


def test_pairs_are_counted_by_state(runtime: Runtime) -> None:
    payment, receive = entry("p", "w", "PAYMENT"), entry("r", "w", "RECEIVE")
    met = [
        pair("open", None, None),
        pair("half-1", payment, None),
        pair("half-2", None, receive, anomalies=["ORDER_MISSING"]),
        pair("whole-1", payment, receive),
        pair("whole-2", payment, receive, anomalies=["AMOUNT_MISMATCH", "SITE_MISMATCH"]),
        pair("whole-3", payment, receive),
    ]
    with runtime.database.transaction() as connection:
        _write(connection, met)
    assert fetch_pairs(runtime) == Pairs(complete=3, incomplete=2, open=1, anomalous=2)


def _write(connection: Connection, met: list[dict[str, Any]]) -> None:
    write(connection, met=met)


@pytest.mark.parametrize(
    ("received", "first", "last", "missing"),
    [
        (None, 0, 9, 10),
        ("{}", 0, 9, 10),
        ("{[0,10)}", 0, 9, 0),
        ("{[0,5),[7,10)}", 0, 9, 2),
        ("{[0,5)}", 6, 9, 4),
        ("{[3,6)}", 5, 9, 4),
        ("{[0,20)}", 0, 9, 0),
        ("{[0,3)}", 9, 9, 1),
        (None, None, None, 0),
    ],
)
def test_what_the_hub_holds_and_we_do_not_is_missing(
    runtime: Runtime, known: Owner, received: str | None, first: int | None, last: int | None, missing: int
) -> None:
    if received is not None:
        set_position(known, LEDGER_HUB, received)
    assert fetch_missing(runtime, {LEDGER_HUB: [partition(first, last)]}) == missing


def test_what_is_missing_is_added_over_hubs_and_partitions(runtime: Runtime, known: Owner) -> None:
    set_position(known, LEDGER_HUB, "{[0,8)}")
    set_position(known, LEDGER_HUB, "{[0,10)}", partition="1")
    set_position(known, ORDER_HUB, "{[0,10)}", group="replay")
    heads = {
        LEDGER_HUB: [partition(0, 9, "0"), partition(0, 9, "1"), partition(None, None, "2")],
        ORDER_HUB: [partition(0, 9, "0")],
    }
    assert fetch_missing(runtime, heads) == 2 + 10


def test_a_hub_made_anew_starts_from_nothing(runtime: Runtime, known: Owner) -> None:
    set_position(known, LEDGER_HUB, "{[0,10)}")
    add_generation(known, LEDGER_HUB, 2)
    assert fetch_missing(runtime, {LEDGER_HUB: [partition(0, 9)]}) == 10


def test_heads_are_asked_of_both_hubs(runtime: Runtime) -> None:
    told(runtime).states = {LEDGER_HUB: [partition(0, 3)]}
    assert fetch_heads(runtime) == {LEDGER_HUB: [partition(0, 3)], ORDER_HUB: []}
    told(runtime).reachable = False
    with pytest.raises(HubUnreachable):
        fetch_heads(runtime)


def test_the_wait_ends_when_everything_is_there(runtime: Runtime, known: Owner) -> None:
    set_position(known, LEDGER_HUB, "{[0,10)}", (10, 0, 0, 0, 0))
    told(runtime).states = {LEDGER_HUB: [partition(0, 9)]}
    shown: list[int] = []
    assert wait_until_accounted(runtime, lambda counts: shown.append(counts.received), lambda: False, 60)
    assert shown == [10]


@pytest.mark.parametrize(("cancelled", "patience"), [(False, 0.4), (True, 60.0)])
def test_the_wait_is_given_up_when_nothing_moves_or_nobody_waits(
    runtime: Runtime, known: Owner, cancelled: bool, patience: float
) -> None:
    set_position(known, LEDGER_HUB, "{[0,9)}", (9, 0, 0, 0, 0))
    told(runtime).states = {LEDGER_HUB: [partition(0, 9)]}
    assert not wait_until_accounted(runtime, lambda _counts: None, lambda: cancelled, patience)


def test_patience_begins_anew_whenever_something_moves(runtime: Runtime, known: Owner) -> None:
    told(runtime).states = {LEDGER_HUB: [partition(0, 4)]}
    taken: list[int] = []

    def take_one_more(_counts: Counts) -> None:
        taken.append(len(taken))
        set_position(known, LEDGER_HUB, f"{{[0,{len(taken)})}}", (len(taken), 0, 0, 0, 0))

    # Five looks, a quarter of a second apart, last longer than the patience.
    assert wait_until_accounted(runtime, take_one_more, lambda: False, 0.8)
    assert len(taken) == 5


def test_the_wait_goes_on_while_the_hubs_are_away(runtime: Runtime, known: Owner) -> None:
    set_position(known, LEDGER_HUB, "{[0,10)}", (10, 0, 0, 0, 0))
    hubs = told(runtime)
    hubs.states, hubs.reachable = {LEDGER_HUB: [partition(0, 9)]}, False

    def back_after_a_while() -> bool:
        hubs.reachable = hubs.asked >= 4
        return False

    assert wait_until_accounted(runtime, lambda _counts: None, back_after_a_while, 60)
    assert hubs.asked > 4
