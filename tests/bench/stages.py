"""Where the time of the ingest core goes, stage by stage, in µs per event."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

from shared.pairing.store import repair_pairs
from shared.sync import store
from shared.sync.model import EventBatch
from shared.sync.read_batch import ReadBatch, read_batch, refuse_unknown_sites
from shared.sync.write_batch import settle, write_records
from tests.bench.ingest import backend_pid, run_ours
from tests.bench.measure import pinned
from tests.bench.reference import DEFAULTS
from tests.bench.server import BenchServer
from tests.bench.workload import workload
from tests.support.runtime import NOON

BATCH = 1000
ORDERS = 10_000
ROUNDS = 3


@dataclass(frozen=True)
class Stages:
    """Stage → µs per event, in the order of a batch."""

    microseconds: dict[str, float]

    def sentence(self) -> str:
        total = sum(self.microseconds.values())
        parts = ", ".join(f"{name} {value:.1f}" for name, value in self.microseconds.items())
        return f"Where the time goes at batch {BATCH:,} (µs per event, {total:.1f} in all): {parts}."


class _Watch:
    """Adds up the time of named stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def begin(self) -> None:
        self._last = time.perf_counter()

    def end(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now


def measure_stages(server: BenchServer, on_round: Callable[[], None]) -> Stages:
    """The use case's own steps, timed apart; the sum is its time but for the seams."""
    load = workload(ORDERS)
    calls = load.batches(BATCH)
    run_ours(server, calls[:1])
    best: dict[str, float] | None = None
    with pinned(backend_pid(server)):
        for _ in range(ROUNDS):
            server.truncate()
            watch = _Watch()
            for call in calls:
                _one_call(server, call, watch)
            if best is None or sum(watch.seconds.values()) < sum(best.values()):
                best = watch.seconds
            on_round()
    events = len(load.events)
    return Stages({name: seconds / events * 1e6 for name, seconds in (best or {}).items()})


def _one_call(server: BenchServer, call: Sequence[EventBatch], watch: _Watch) -> None:
    watch.begin()
    reads: list[ReadBatch] = [read_batch(batch, DEFAULTS, timedelta(days=1)) for batch in call]
    watch.end("decode and validate")
    with ExitStack() as stack:
        connection = stack.enter_context(server.runtime.database.transaction())
        positions = []
        for read in reads:
            prelude = store.fetch_prelude(connection, read.batch)
            assert prelude.position is not None
            refuse_unknown_sites(read, prelude.active_sites)
            positions.append(prelude.position)
        watch.end("begin, position")
        written = [write_records(connection, r, p, NOON) for r, p in zip(reads, positions, strict=True)]
        watch.end("upsert and evidence")
        repair_pairs(connection, sorted(set().union(*(work.orders for work in written))))
        watch.end("pairing")
        for work in written:
            settle(connection, work, "canonical-v1", NOON)
        watch.end("loss proof")
    watch.end("commit")
