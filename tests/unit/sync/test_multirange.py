"""Sequence numbers as the text of a multirange."""

import re
from collections.abc import Set
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sync.store import multirange
from tests.support.steady import STEADY


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([], "{}"),
        ([0], "{[0,0]}"),
        ([3, 4, 5, 9], "{[3,5],[9,9]}"),
        ([9, 5, 3, 4], "{[3,5],[9,9]}"),
        ([7, 7], "{[7,7]}"),
        ([2**63 - 2], "{[9223372036854775806,9223372036854775806]}"),
    ],
)
def test_neighbours_are_joined(numbers: list[int], text: str) -> None:
    assert multirange(sorted(set(numbers))) == text


@given(st.sets(st.integers(0, 60)))
@STEADY
def test_it_holds_these_numbers_in_as_few_ranges_as_can_be(numbers: Set[int]) -> None:
    ranges = [(int(a), int(b)) for a, b in re.findall(r"\[(\d+),(\d+)\]", multirange(sorted(numbers)))]
    assert [n for low, high in ranges for n in range(low, high + 1)] == sorted(numbers)
    assert all(low > high + 1 for (_, high), (low, _) in pairwise(ranges))
