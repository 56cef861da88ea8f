"""The arithmetic of sequence numbers: ranges behave as the sets of numbers they stand for."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sync.loss.model import (
    Ranges,
    below,
    common,
    count,
    holes,
    joined,
    parse_ranges,
    stretches,
    within,
    without,
)
from tests.support.steady import STEADY

NUMBERS_MAX = 40
numbers = st.sets(st.integers(0, NUMBERS_MAX))
pairs = st.lists(st.tuples(st.integers(0, NUMBERS_MAX), st.integers(0, NUMBERS_MAX)), max_size=8)


def ranges_of(members: set[int]) -> Ranges:
    return joined((number, number) for number in members)


def members(ranges: Ranges) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


def is_normal(ranges: Ranges) -> bool:
    """In order, not empty, and no two that touch."""
    apart = all(a[1] + 1 < b[0] for a, b in itertools.pairwise(ranges))
    return apart and all(first <= last for first, last in ranges)


@STEADY
@given(pairs)
def test_any_pairs_are_joined(given_pairs: list[tuple[int, int]]) -> None:
    found = joined(given_pairs)
    assert is_normal(found)
    assert members(found) == {n for a, b in given_pairs for n in range(a, b + 1)}


@STEADY
@given(numbers, numbers, st.integers(-1, NUMBERS_MAX + 2))
def test_ranges_behave_as_sets(one: set[int], other: set[int], number: int) -> None:
    a, b = ranges_of(one), ranges_of(other)
    assert members(common(a, b)) == one & other
    assert members(without(a, b)) == one - other
    assert members(below(a, number)) == {each for each in one if each < number}
    assert count(a) == len(one)
    assert within(a, number) == (number in one)
    assert all(map(is_normal, (common(a, b), without(a, b), below(a, number))))


@STEADY
@given(numbers, st.one_of(st.none(), st.integers(0, NUMBERS_MAX + 5)))
def test_holes_are_what_is_missing_between_the_ends(received: set[int], readable_from: int | None) -> None:
    found = holes(ranges_of(received), readable_from)
    assert is_normal(found)
    if not received:
        assert found == ()
        return
    end = max(max(received) + 1, readable_from or 0)
    assert members(found) == set(range(min(received), end)) - received


@STEADY
@given(numbers, st.integers(0, 6))
def test_stretches_hold_every_range_once_and_part_where_much_lies_between(
    wanted: set[int], apart: int
) -> None:
    ranges = ranges_of(wanted)
    runs = stretches(ranges, apart)
    assert tuple(each for run in runs for each in run) == ranges
    for run, following in itertools.pairwise(runs):
        assert following[0][0] - run[-1][1] - 1 > apart
    for run in runs:
        assert all(b[0] - a[1] - 1 <= apart for a, b in itertools.pairwise(run))


def test_ranges_are_read_as_a_person_writes_them() -> None:
    assert parse_ranges("100-199, 205,200") == ((100, 200), (205, 205))


@pytest.mark.parametrize("text", ["", "a", "9-3", "1-", "-4", "1,,2", "1 - 2", "٣", "9" * 19])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="range"):
        parse_ranges(text)
