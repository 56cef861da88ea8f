"""What a look makes of a gap, a head and a silence; without a database."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sync.loss.model import (
    Extent,
    Gap,
    GapState,
    Head,
    UnreadAge,
    is_at_risk,
    is_stalled,
    joined,
    next_head,
    seen_through,
    settled,
    silent_sites,
    unread,
    unread_age,
)
from tests.support.runtime import NOON
from tests.support.steady import STEADY

HOUR = timedelta(hours=1)
NUMBERS = st.sets(st.integers(0, 20)).map(lambda found: joined((n, n) for n in found))


def gap(state: GapState = GapState.OPEN, first: int = 5, last: int = 9) -> Gap:
    missing = ((first, last),)
    return Gap(1, 1, first, last, missing, missing if state is GapState.EXPIRED else (), state)


@pytest.mark.parametrize(
    ("received", "readable_from", "missing", "expired", "state"),
    [
        (((0, 4), (10, 12)), 0, ((5, 9),), (), GapState.OPEN),
        (((0, 4), (10, 12)), None, ((5, 9),), (), GapState.OPEN),
        (((0, 6), (10, 12)), 0, ((7, 9),), (), GapState.OPEN),
        (((0, 12),), 0, (), (), GapState.CLOSED),
        (((0, 12),), 99, (), (), GapState.CLOSED),
        (((0, 4), (10, 12)), 7, ((5, 9),), ((5, 6),), GapState.OPEN),
        (((0, 4), (10, 12)), 10, ((5, 9),), ((5, 9),), GapState.EXPIRED),
        (((0, 4), (7, 12)), 7, ((5, 6),), ((5, 6),), GapState.EXPIRED),
    ],
)
def test_a_look_at_an_open_gap(
    received: tuple[tuple[int, int], ...],
    readable_from: int | None,
    missing: tuple[tuple[int, int], ...],
    expired: tuple[tuple[int, int], ...],
    state: GapState,
) -> None:
    after = settled(gap(), received, readable_from)
    assert (after.missing, after.expired, after.state) == (missing, expired, state)


@pytest.mark.parametrize("state", [GapState.EXPIRED, GapState.ACCEPTED])
def test_a_decided_gap_stays_so_until_everything_arrived(state: GapState) -> None:
    assert settled(gap(state), ((0, 4), (10, 12)), 0).state is state
    assert settled(gap(state), ((0, 6), (10, 12)), 0).state is state
    assert settled(gap(state), ((0, 12),), 0).state is GapState.CLOSED


@STEADY
@given(NUMBERS, st.one_of(st.none(), st.integers(0, 20)), st.sampled_from([*GapState]))
def test_any_look_keeps_what_the_database_demands(
    received: tuple[tuple[int, int], ...], readable_from: int | None, state: GapState
) -> None:
    before = gap(state) if state is not GapState.CLOSED else gap(GapState.OPEN)
    after = settled(before, received, readable_from)
    assert (after.state is GapState.CLOSED) == (after.missing == ())
    assert after.state is not GapState.OPEN or after.expired != after.missing
    assert after.state is not GapState.EXPIRED or after.expired == after.missing
    assert settled(after, received, readable_from) == after


def extent(first: int | None, last: int | None, minutes_ago: float | None = 0) -> Extent:
    enqueued = None if minutes_ago is None else NOON - timedelta(minutes=minutes_ago)
    return Extent(first, last, enqueued)


AHEAD = extent(0, 9)


def test_a_head_that_stands_still_while_the_hub_is_ahead_is_stalled_after_a_time() -> None:
    head = next_head(None, 4, AHEAD, NOON)
    assert head == Head(4, NOON, NOON)
    for minutes in (1, 2, 3):
        head = next_head(head, 4, AHEAD, NOON + timedelta(minutes=minutes))
    assert head == Head(4, NOON, NOON)
    assert not is_stalled(head, 300, NOON + timedelta(seconds=299))
    assert is_stalled(head, 300, NOON + timedelta(seconds=300))


@pytest.mark.parametrize(
    ("own", "told"), [(5, AHEAD), (9, AHEAD), (4, extent(0, 4)), (None, extent(None, None))]
)
def test_a_head_that_moves_or_has_nothing_to_read_is_not_stalled(own: int | None, told: Extent) -> None:
    before = Head(4 if own is not None else None, NOON - HOUR, NOON - HOUR)
    head = next_head(before, own, told, NOON)
    assert head.behind_since in (None, NOON)
    assert not is_stalled(head, 300, NOON)


def test_a_hub_that_cannot_be_asked_neither_starts_nor_ends_a_stall() -> None:
    assert next_head(None, 4, None, NOON) == Head(4, NOON, None)
    behind = Head(4, NOON - HOUR, NOON - HOUR)
    assert next_head(behind, 4, None, NOON) == behind
    assert next_head(behind, 5, None, NOON) == Head(5, NOON, None)


def test_of_two_looks_whose_clocks_differ_the_times_stay_in_order() -> None:
    head = next_head(Head(4, NOON + HOUR, None), 4, AHEAD, NOON)
    assert head.behind_since == head.moved_at == NOON + HOUR


@pytest.mark.parametrize(
    ("own", "told", "last", "at_least", "at_most"),
    [
        (9, AHEAD, NOON, None, None),
        (8, extent(0, 9, 7), NOON - HOUR, 420, 420),
        (4, extent(0, 9, 7), NOON - HOUR, 600, 3600),
        (4, extent(0, 9, 20), NOON - HOUR, 1200, 3600),
        (None, extent(0, 9, 7), None, 600, None),
    ],
)
def test_the_age_of_the_oldest_unread_event_has_bounds(
    own: int | None, told: Extent, last: datetime | None, at_least: float | None, at_most: float | None
) -> None:
    head = Head(own, NOON - HOUR, NOON - timedelta(minutes=10))
    found = unread_age(head, told, last, NOON)
    assert found == (None if at_least is None else UnreadAge(at_least, at_most))


@pytest.mark.parametrize(
    ("at_least", "at_most", "risk"),
    [(99, 99, False), (100, 100, True), (0, 99, False), (0, 100, None), (0, None, None), (100, None, True)],
)
def test_a_risk_is_unknown_where_the_bounds_do_not_decide(
    at_least: float, at_most: float | None, risk: bool | None
) -> None:
    assert is_at_risk(UnreadAge(at_least, at_most), 100) is risk


def test_unread_counts_from_our_head_or_from_the_first_the_hub_holds() -> None:
    assert unread(4, AHEAD) == 5
    assert unread(None, extent(3, 9)) == 7
    assert unread(12, AHEAD) == unread(4, extent(None, None)) == 0


def test_we_know_everything_up_to_the_slowest_partition() -> None:
    early, late = NOON - HOUR, NOON - timedelta(minutes=1)
    assert seen_through([(9, early), (4, late)], [AHEAD, AHEAD], NOON) == late
    assert seen_through([(9, early), (9, late)], [AHEAD, AHEAD], NOON) == NOON
    assert seen_through([(9, early), (9, late)], [None, AHEAD], NOON) == early
    assert seen_through([(None, None)], [AHEAD], NOON) is None
    assert seen_through([(None, None)], [extent(None, None)], NOON) == NOON
    assert seen_through([], [], NOON) is None


def test_a_site_is_silent_beyond_its_window_and_only_as_far_as_we_know() -> None:
    newest = {"A": NOON - HOUR, "B": NOON - timedelta(minutes=1), "C": None}
    windows = {"A": 3599, "B": 3599, "C": 1}
    assert silent_sites(newest, windows, NOON) == {"A": NOON - HOUR}
    assert silent_sites(newest, {"A": 3600}, NOON) == {}
    assert silent_sites(newest, windows, NOON - timedelta(seconds=2)) == {}
    assert silent_sites(newest, windows, None) == {}
