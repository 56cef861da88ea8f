"""Which figures there are, in the order they are measured."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import Progress

from infra.local.host.worker import Worker
from tests.bench.audit import measure_audit_append, measure_audit_verify
from tests.bench.edge import measure_edge
from tests.bench.growth import measure_growth
from tests.bench.http_lookup import measure_http_lookup
from tests.bench.ingest import measure_ingest
from tests.bench.lookup import measure_lookup, measure_wallet_page
from tests.bench.measure import Measured, Plan
from tests.bench.memory import measure_memory
from tests.bench.plain_way import measure_plain_way
from tests.bench.replay import measure_replay
from tests.bench.rows import fill, sizes
from tests.bench.server import BenchPostgres, BenchServer, bench_postgres
from tests.bench.stages import ROUNDS as STAGE_ROUNDS
from tests.bench.stages import Stages, measure_stages
from tests.bench.start import SETTINGS, measure_start
from tests.bench.storage import STEPS as STORAGE_STEPS
from tests.bench.storage import Storage, measure_storage
from tests.bench.through_function import FunctionSide, measure_through_function
from tests.bench.whole_path import measure_whole_path

OnRound = Callable[[], None]
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Options:
    """What to measure: names of NAMES, rounds, ledger rows of the large database, events of the memory run, and how
    many orders a round brings."""

    names: tuple[str, ...]
    plan: Plan
    rows: int
    events: int
    orders: int = 10_000


@dataclass
class Bench:
    """What a figure may use: an empty database, and a large one that is filled when it is first asked for."""

    postgres: BenchPostgres
    server: BenchServer
    options: Options
    stack: ExitStack
    filled: BenchServer | None = None
    side: FunctionSide | None = None

    @property
    def plan(self) -> Plan:
        return self.options.plan

    @property
    def rows(self) -> int:
        return self.options.rows

    @property
    def orders(self) -> int:
        return self.options.orders

    def large(self) -> BenchServer:
        if self.filled is None:
            self.filled = self.stack.enter_context(self.postgres.database("bench_large"))
            fill(self.filled, self.rows)
        return self.filled

    def app(self) -> FunctionSide:
        """One process holds one app, so every figure through the functions shares it."""
        if self.side is None:
            self.side = self.stack.enter_context(_loaded_app(self.server.app_url))
        return self.side


FIGURES: dict[str, Callable[[Bench, OnRound], Measured]] = {
    "ingest-1000": lambda bench, done: measure_ingest(bench.server, 1000, bench.plan, done),
    "ingest-5000": lambda bench, done: measure_ingest(bench.server, 5000, bench.plan, done),
    "ingest-1": lambda bench, done: measure_ingest(bench.server, 1, bench.plan, done),
    "function": lambda bench, done: _through_function(bench, done, fast=False),
    "function-fast": lambda bench, done: _through_function(bench, done, fast=True),
    "whole-path": lambda bench, done: measure_whole_path(bench.server, bench.plan, done, bench.orders),
    "plain": lambda bench, done: measure_plain_way(bench.server, bench.plan, done),
    "replay": lambda bench, done: measure_replay(bench.server, bench.plan, done, bench.orders),
    "lookup": lambda bench, done: measure_lookup(bench.large(), bench.rows, bench.plan, done),
    "lookup-http": lambda bench, done: _http_lookup(bench, done),
    "edge": lambda bench, done: measure_edge(bench.server, bench.plan, done, max(1, bench.orders // 5)),
    "wallet-page": lambda bench, done: measure_wallet_page(bench.large(), bench.rows, bench.plan, done),
    "growth": lambda bench, done: _growth(bench, done),
    "audit-append": lambda bench, done: measure_audit_append(
        bench.server, bench.plan, done, max(1, bench.orders // 100)
    ),
    "audit-verify": lambda bench, done: measure_audit_verify(
        bench.server, bench.plan, done, 10 * bench.orders
    ),
    "memory": lambda bench, done: measure_memory(bench.server, bench.options.events, bench.plan, done),
    "start": lambda bench, done: measure_start(bench.plan, done),
}
NAMES = (*FIGURES, "stages")
# Measured to decide once, and long; only on demand.
EXTRA = ("storage",)


@dataclass
class Results:
    """Everything that was measured."""

    figures: list[Measured] = field(default_factory=list)
    stages: Stages | None = None
    storage: Storage | None = None
    sizes: dict[str, dict[str, int]] | None = None


def measure(options: Options, progress: Progress) -> Results:
    """Every chosen figure, one after the other on one server."""
    found = Results()
    with bench_postgres() as postgres, ExitStack() as stack:
        bench = Bench(postgres, stack.enter_context(postgres.database()), options, stack)
        if "stages" in options.names:
            task = progress.add_task("stages", total=STAGE_ROUNDS)
            found.stages = measure_stages(bench.server, _advance(progress, task))
        for name, figure in FIGURES.items():
            if name in options.names:
                task = progress.add_task(name, total=options.plan.rounds)
                found.figures.append(figure(bench, _advance(progress, task)))
        if bench.filled is not None:
            found.sizes = sizes(bench.filled)
        if "storage" in options.names:
            task = progress.add_task("storage", total=STORAGE_STEPS)
            found.storage = measure_storage(
                bench.server, options.rows, _advance(progress, task), options.orders
            )
    return found


def _advance(progress: Progress, task: int) -> OnRound:
    return lambda: progress.advance(task)  # type: ignore[arg-type]


def _through_function(bench: Bench, on_round: OnRound, *, fast: bool) -> Measured:
    orders = bench.orders
    return measure_through_function(bench.server, bench.app(), bench.plan, on_round, fast=fast, orders=orders)


def _growth(bench: Bench, on_round: OnRound) -> Measured:
    return measure_growth(bench.server, bench.large(), bench.rows, bench.plan, on_round, bench.orders)


def _http_lookup(bench: Bench, on_round: OnRound) -> Measured:
    requests = max(1, bench.orders // 5)
    return measure_http_lookup(bench.large(), bench.rows, bench.plan, on_round, requests)


@contextmanager
def _loaded_app(app_url: str) -> Iterator[FunctionSide]:
    """The app of this checkout, loaded once into this process by the worker runtime."""
    loop = asyncio.new_event_loop()
    folder, environment = Path.cwd(), dict(os.environ)
    os.environ.update({**SETTINGS, "DATABASE_URL": app_url})
    try:
        worker = loop.run_until_complete(Worker.load(ROOT))
    finally:
        # The app has read its settings; what this process starts later must not find them.
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
    try:
        yield FunctionSide(worker, loop)
    finally:
        worker.close()
        loop.close()
