"""Random worlds against the oracle: one partition after the other, mixed, and all at once."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.oracle import Oracle, folded
from tests.support.sync_events import Sent, ingest, outcomes
from tests.support.sync_state import assert_converged, received, totals
from tests.support.worlds import PARTITIONS, World

Owner = psycopg.Connection[Any]
SEEDS = range(11, 17)
MANY_SEEDS = range(1000, 1060)


def mixed(world: World, batch_max: int) -> list[list[Sent]]:
    """The batches of all partitions, each partition's own in order."""
    queues = [list(world.calls(partition, batch_max)) for partition in PARTITIONS]
    chance, calls = Random(world.seed), []
    while any(queues):
        queue = chance.choice([q for q in queues if q])
        calls.append(queue.pop(0))
    return calls


def follow(runtime: Runtime, owner: Owner, world: World, batch_max: int) -> None:
    """Every call has the outcomes of the oracle, and the end is the fold of all events."""
    oracle = Oracle()
    for call in mixed(world, batch_max):
        assert outcomes(ingest(runtime, *call)) == oracle.take(call), f"seed {world.seed}"
    assert_converged(owner, oracle)
    assert_converged(owner, folded(world.events))
    assert totals(owner) == dict(+oracle.counts)
    assert received(owner) == len(world.events)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("batch_max", [3, 60])
def test_a_world_partition_by_partition(runtime: Runtime, owner: Owner, seed: int, batch_max: int) -> None:
    follow(runtime, owner, World(seed, events=250, orders=12), batch_max)


def race(runtime: Runtime, owner: Owner, world: World, batch_max: int) -> None:
    """Four workers, one per partition, at the same time."""

    def work(partition: str) -> None:
        for call in world.calls(partition, batch_max):
            ingest(runtime, *call)

    with ThreadPoolExecutor(len(PARTITIONS)) as pool:
        for done in [pool.submit(work, partition) for partition in PARTITIONS]:
            done.result()
    oracle = folded(world.events)
    assert_converged(owner, oracle)
    counts = totals(owner)
    counts.pop("redelivered", None)
    assert sum(counts.values()) == received(owner) == len(world.events), f"seed {world.seed}"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_from_four_workers_at_once(runtime: Runtime, owner: Owner, seed: int) -> None:
    race(runtime, owner, World(seed, events=600, orders=25), batch_max=25)


@pytest.mark.long
@pytest.mark.parametrize("seed", MANY_SEEDS)
def test_many_worlds(runtime: Runtime, owner: Owner, seed: int) -> None:
    follow(runtime, owner, World(seed, events=1000, orders=50), batch_max=1 + seed % 80)


@pytest.mark.long
@pytest.mark.parametrize("seed", MANY_SEEDS)
def test_many_worlds_from_four_workers_at_once(runtime: Runtime, owner: Owner, seed: int) -> None:
    race(runtime, owner, World(seed, events=4000, orders=50), batch_max=1 + seed % 120)
