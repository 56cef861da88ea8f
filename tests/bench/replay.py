"""Exact replay: the same stream a second time beside its first load; nothing may change and little may be written."""

from collections.abc import Callable

from tests.bench.ingest import backend_pid, fingerprint, run_ours
from tests.bench.measure import Figure, Measured, Plan, pinned, run_rounds
from tests.bench.server import BenchServer
from tests.bench.workload import workload

FIGURE = Figure("exact replay", "the same stream a second time, events/s", "the first load", 1.3, 1.8)
BATCH = 1000


def measure_replay(server: BenchServer, plan: Plan, on_round: Callable[[], None], orders: int) -> Measured:
    """The rate of the second time over that of the first; both end in the same rows."""
    load = workload(orders)
    calls, count = load.batches(BATCH), len(load.events)

    def one_round(_attempt: int) -> tuple[float, float]:
        server.truncate()
        first = run_ours(server, calls)
        ended = fingerprint(server.owner)
        second = run_ours(server, calls)
        assert fingerprint(server.owner) == ended, "the second time changed rows"
        return count / second, count / first

    run_ours(server, calls[:1])
    with pinned(backend_pid(server)) as core:
        measured = Measured(FIGURE, "events/s", notes={"events": count, "core": core})
        return run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)
