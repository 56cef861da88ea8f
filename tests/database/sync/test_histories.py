"""Any order, and any split into batches, of a set of events leads to one final state."""

from math import factorial
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.histories import WORLDS, histories, run_histories

Owner = psycopg.Connection[Any]


def test_the_histories_are_all_there_are() -> None:
    world = next(iter(WORLDS.values()))
    for size in (1, 2, 3, 4):
        ways = [tuple(tuple(id(e) for e in call) for call in h) for h in histories(world[:size])]
        assert len(set(ways)) == len(ways) == factorial(size) * 2 ** (size - 1)


@pytest.mark.parametrize("world", WORLDS)
def test_four_events_in_every_order_and_every_split(runtime: Runtime, owner: Owner, world: str) -> None:
    assert run_histories(runtime, owner, WORLDS[world][:4]) == 192


@pytest.mark.long
@pytest.mark.parametrize("world", WORLDS)
def test_five_events_in_every_order_and_every_split(runtime: Runtime, owner: Owner, world: str) -> None:
    assert run_histories(runtime, owner, WORLDS[world]) == 1920
