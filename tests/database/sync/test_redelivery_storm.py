"""Batches that come again and again, from two workers with overlapping ranges, rewrite nothing."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.oracle import folded
from tests.support.stories import row_versions
from tests.support.sync_events import Sent, ingest
from tests.support.sync_state import assert_converged, received, totals
from tests.support.worlds import World

Owner = psycopg.Connection[Any]


def overlapping(events: Sequence[Sent], size: int, offset: int) -> list[Sequence[Sent]]:
    """Consecutive batches that begin where the other worker's are half through."""
    starts = range(-offset, len(events), size)
    return [events[max(0, start) : start + size] for start in starts if events[max(0, start) : start + size]]


def storm(runtime: Runtime, world: World, times: int) -> None:
    """Two workers bring every partition's batches that often, at the same time."""

    def work(offset: int) -> None:
        for _ in range(times):
            for events in world.partitions.values():
                for batch in overlapping(events, 20, offset):
                    ingest(runtime, *batch)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work, offset) for offset in (0, 10)]:
            done.result()


def weather(runtime: Runtime, owner: Owner, seed: int, times: int) -> None:
    world = World(seed, events=400, orders=15)
    storm(runtime, world, 1)
    assert_converged(owner, folded(world.events))
    before, counts = row_versions(owner), totals(owner)
    storm(runtime, world, times)
    after = row_versions(owner)
    assert set(before.pop("sync_findings")) <= set(after.pop("sync_findings"))
    assert after == before
    assert {**totals(owner), "redelivered": 0} == {**counts, "redelivered": 0}
    assert totals(owner)["redelivered"] == counts["redelivered"] + 2 * times * len(world.events)
    assert sum(counts.values()) - counts["redelivered"] == received(owner) == len(world.events)


def test_a_storm(runtime: Runtime, owner: Owner) -> None:
    weather(runtime, owner, seed=21, times=4)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2100, 2110))
def test_a_long_storm(runtime: Runtime, owner: Owner, seed: int) -> None:
    weather(runtime, owner, seed, times=20)
