"""A world that the product has taken, and everything a verdict on it needs; and whole runs."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from infra.local.eventhubs.routing import partition_of
from infra.local.sample.model import SampleEvent
from infra.local.simulate.judge import Facts
from infra.local.simulate.plan import Options, make_plan
from infra.local.simulate.reading import Kept
from infra.local.simulate.stored import fetch_stored
from infra.local.simulate.world import events_of, is_poison
from shared.runtime import Runtime
from tests.support.oracle import DEFAULTS
from tests.support.runtime import NOON
from tests.support.simulation import Simulation
from tests.support.stack import ROOT
from tests.support.sync_events import CONSUMER_GROUP, HUBS, Sent, ingest

PARTITIONS = 4
BATCH_MAX = 40


@pytest.fixture
def new_run(tmp_path: Path) -> Iterator[Callable[..., Simulation]]:
    """Makes runs with data of their own, ended afterwards."""
    made: list[Simulation] = []

    def make(
        *arguments: str, project: Path = ROOT, environment: Mapping[str, str] | None = None
    ) -> Simulation:
        folder = tmp_path / f"run-{len(made)}"
        made.append(Simulation(folder, *arguments, project=project, environment=environment))
        return made[-1]

    yield make
    for run in made:
        run.close()


@pytest.fixture
def taken(runtime: Runtime, owner: psycopg.Connection[Any]) -> Callable[[], Facts]:
    """Let the product ingest a small world in batches, some of them twice; then look as often as wanted."""
    plan = make_plan(21, Options(minutes=0.2, rate=50, orders=12, kinds=("poison", "repeat")))
    kept: list[Kept] = []
    sent: Counter[tuple[str, bytes]] = Counter()
    poison: set[tuple[str, bytes]] = set()
    numbers: Counter[tuple[str, str]] = Counter()
    for event in events_of(plan):
        kept.append(_kept(event, numbers))
        sent[event.stream, event.body] += 1
        if is_poison(event):
            poison.add((event.stream, event.body))
    _ingest(runtime, kept, Random(plan.seed))
    return lambda: Facts(
        list(kept), fetch_stored(owner, CONSUMER_GROUP), set(poison), Counter(sent), DEFAULTS
    )


def _kept(event: SampleEvent, numbers: Counter[tuple[str, str]]) -> Kept:
    partition = str(partition_of(event.partition_key, PARTITIONS))
    number = numbers[event.stream, partition]
    numbers[event.stream, partition] += 1
    return Kept(event.stream, HUBS[event.stream], partition, number, NOON, event.body, event.properties)


def _ingest(runtime: Runtime, kept: list[Kept], chance: Random) -> None:
    queues: dict[tuple[str, str], list[Sent]] = {}
    for each in kept:
        sent = Sent(
            "ledger" if each.stream == "ledger" else "payment_order",
            each.sequence_number,
            each.body,
            each.partition_id,
            each.enqueued_at,
            each.properties,
        )
        queues.setdefault((each.stream, each.partition_id), []).append(sent)
    while queues:
        place = chance.choice(sorted(queues))
        batch = queues[place][: chance.randint(1, BATCH_MAX)]
        ingest(runtime, *batch)
        if chance.random() < 0.2:
            ingest(runtime, *batch)
        queues[place] = queues[place][len(batch) :]
        if not queues[place]:
            del queues[place]
