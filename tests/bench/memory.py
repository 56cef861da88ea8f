"""Memory: the peak of a process that ingests a million events over its peak after the first hundred thousand.

`python -m tests.bench.memory URL EVENTS` ingests them, block by block so that the events themselves are not held, and
prints both peaks.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from shared.adapters.telemetry import NoTelemetry
from shared.sync.ingest_events import ingest_events
from tests.bench.measure import Figure, Measured, Plan, run_rounds
from tests.bench.server import BenchServer
from tests.bench.workload import workload
from tests.support.runtime import runtime_for

FIGURE = Figure(
    "memory", "peak of the process after all events, MB", "its peak after a tenth of them", 1.2, 1.05, False
)
ROOT = Path(__file__).resolve().parents[2]
BATCH = 1000
BLOCK_ORDERS = 1500
SHARE = 10


def peaks(url: str, events: int) -> tuple[float, float]:
    """MB at the most, after a tenth of the events and after all of them."""
    runtime = replace(runtime_for(url), telemetry=NoTelemetry())
    taken, block, early = 0, 0, 0.0
    while taken < events:
        # A new block of orders, its sequence numbers behind those of the last.
        load = workload(BLOCK_ORDERS, first_order=block * BLOCK_ORDERS, first_number=taken)
        for call in load.batches(BATCH):
            ingest_events(runtime, call)
        taken += len(load.events)
        block += 1
        if not early and taken >= events // SHARE:
            early = _peak()
    runtime.database.dispose()
    return early, _peak()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure_memory(server: BenchServer, events: int, plan: Plan, on_round: Callable[[], None]) -> Measured:
    """A process of its own each round; what others do cannot change its memory, so no round is thrown away."""
    calm = replace(plan, strict=False, warm_up=0)

    def one_round(_attempt: int) -> tuple[float, float]:
        server.truncate()
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.memory", server.app_url, str(events)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        early, late = json.loads(done.stdout)
        return late, early

    measured = Measured(FIGURE, "MB", notes={"events": events})
    return run_rounds(measured, calm, one_round, server.own_cpu_seconds, on_round)


if __name__ == "__main__":
    print(json.dumps(peaks(sys.argv[1], int(sys.argv[2]))))
