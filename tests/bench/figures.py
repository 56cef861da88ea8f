"""Which figures there are, in the order they are measured."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from infra.local.host.worker import Worker
from tests.bench.ingest import measure_ingest
from tests.bench.lookup import measure_lookup
from tests.bench.measure import Measured, Plan
from tests.bench.plain_way import measure_plain_way
from tests.bench.server import BenchServer, bench_server
from tests.bench.stages import ROUNDS as STAGE_ROUNDS
from tests.bench.stages import Stages, measure_stages
from tests.bench.start import SETTINGS, measure_start
from tests.bench.through_function import FunctionSide, measure_through_function

OnRound = Callable[[], None]
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Options:
    """What to measure: names of NAMES, the rounds, and the table size behind the look-ups."""

    names: tuple[str, ...]
    plan: Plan
    rows: int


@dataclass(frozen=True)
class Bench:
    """What a figure may use."""

    server: BenchServer
    options: Options


FIGURES: dict[str, Callable[[Bench, OnRound], Measured]] = {
    "ingest-1000": lambda bench, done: measure_ingest(bench.server, 1000, bench.options.plan, done),
    "ingest-5000": lambda bench, done: measure_ingest(bench.server, 5000, bench.options.plan, done),
    "ingest-1": lambda bench, done: measure_ingest(bench.server, 1, bench.options.plan, done),
    "function": lambda bench, done: _through_function(bench, done),
    "plain": lambda bench, done: measure_plain_way(bench.server, bench.options.plan, done),
    "lookup": lambda bench, done: measure_lookup(bench.server, bench.options.rows, bench.options.plan, done),
    "start": lambda bench, done: measure_start(bench.options.plan, done),
}
NAMES = (*FIGURES, "stages")


def measure(options: Options, progress: Progress) -> tuple[list[Measured], Stages | None]:
    """Every chosen figure, one after the other on one server."""
    results: list[Measured] = []
    stages: Stages | None = None
    with bench_server() as server:
        bench = Bench(server, options)
        if "stages" in options.names:
            task = progress.add_task("stages", total=STAGE_ROUNDS)
            stages = measure_stages(server, _advance(progress, task))
        for name, figure in FIGURES.items():
            if name in options.names:
                task = progress.add_task(name, total=options.plan.rounds)
                results.append(figure(bench, _advance(progress, task)))
    return results, stages


def _advance(progress: Progress, task: int) -> OnRound:
    return lambda: progress.advance(task)  # type: ignore[arg-type]


def _through_function(bench: Bench, on_round: OnRound) -> Measured:
    with _loaded_app(bench.server.app_url) as side:
        return measure_through_function(bench.server, side, bench.options.plan, on_round)


@contextmanager
def _loaded_app(app_url: str) -> Iterator[FunctionSide]:
    """The app of this checkout, loaded once into this process by the worker runtime."""
    os.environ.update({**SETTINGS, "DATABASE_URL": app_url})
    loop = asyncio.new_event_loop()
    before = Path.cwd()
    worker = loop.run_until_complete(Worker.load(ROOT))
    try:
        yield FunctionSide(worker, loop)
    finally:
        worker.close()
        loop.close()
        os.chdir(before)
