"""Growth: the rate of the ingest core on a large database over that on an empty one, beside REF's own such ratio.

Two databases of one server, so that all four runs of a round stand together. On the large one every run brings orders
of its own, because a row can be new only once.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from tests.bench.ingest import Reference, backend_pid, run_ours
from tests.bench.measure import Figure, Measured, Plan, pinned, run_rounds
from tests.bench.server import BenchServer
from tests.bench.workload import Workload, workload
from tests.support.runtime import NOON

FIGURE = Figure(
    "growth", "ingest core, rate on the large database ÷ on an empty one", "the same of REF", 0.85, 0.95
)
BATCH = 1000


@dataclass
class Place:
    """One database with both sides on it, and the rates measured there."""

    server: BenchServer
    rows: int
    orders: int
    blocks: "count[int]"
    ref: Reference
    rates: dict[str, list[float]] = field(default_factory=lambda: {"ours": [], "reference": []})

    @classmethod
    def on(cls, server: BenchServer, rows: int, orders: int) -> "Place":
        run_ours(server, workload(10, first_order=900_000).batches(BATCH))
        return cls(server, rows, orders, count(), Reference.prepared(server, []))

    def run(self, side: str) -> float:
        """Events a second of one side, with orders nobody has seen here."""
        load = self._fresh()
        calls = load.batches(BATCH)
        before = self._rows()
        if side == "ours":
            seconds = run_ours(self.server, calls)
        else:
            self.ref.calls = self.ref.encoded(calls)
            seconds = self.ref.run(NOON)
        assert self._rows() - before == 2 * self.orders, "a run did not bring its rows"
        rate = len(load.events) / seconds
        self.rates[side].append(rate)
        return rate

    def _fresh(self) -> Workload:
        if not self.rows:
            self.server.truncate()
            return workload(self.orders)
        self.server.forget_positions()
        return workload(self.orders, first_order=next(self.blocks) * self.orders)

    def _rows(self) -> int:
        """New ledger rows only: they stand behind all others."""
        row = self.server.owner.execute(
            "SELECT count(*) FROM ledger_entries WHERE tx_id >= 'tx-20261123-'"
        ).fetchone()
        return int((row or (0,))[0])


def measure_growth(
    empty: BenchServer,
    full: BenchServer,
    rows: int,
    plan: Plan,
    on_round: Callable[[], None],
    orders: int,
) -> Measured:
    """`full` holds `rows` ledger rows already."""
    small, large = Place.on(empty, 0, orders), Place.on(full, rows, orders)

    def one_round(attempt: int) -> tuple[float, float]:
        sides = ("ours", "reference") if attempt % 2 else ("reference", "ours")
        rates = {(side, place.rows): place.run(side) for side in sides for place in (small, large)}
        ours, reference = (rates[side, rows] / rates[side, 0] for side in ("ours", "reference"))
        return ours, reference

    pids = [backend_pid(empty), backend_pid(full), *(p.ref.session.info.backend_pid for p in (small, large))]
    with pinned(*pids) as core:
        measured = Measured(FIGURE, "of the rate at nought", notes={"rows": rows, "core": core})
        run_rounds(measured, plan, one_round, empty.own_cpu_seconds, on_round)
    measured.notes["rate_by_rows"] = {
        place.rows: {side: statistics.median(rates) for side, rates in place.rates.items()}
        for place in (small, large)
    }
    for place in (small, large):
        place.ref.session.close()
    return measured
