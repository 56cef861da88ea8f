"""Ingest through the function: a batch's bytes through the real worker runtime, its decoding included, beside REF."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from functions.edge.fast_decode import choose_decode
from infra.local.host.batch import EventBatch as HostBatch
from infra.local.host.batch import PartitionContext, trigger_data, trigger_metadata
from infra.local.host.messages import TypedData
from infra.local.host.worker import Retry, Worker
from shared.sync.model import EventBatch
from tests.bench.ingest import REF, Calls, Reference, fingerprint, run_ours
from tests.bench.measure import Figure, Measured, Plan, pinned, run_rounds
from tests.bench.server import BenchServer
from tests.bench.workload import workload
from tests.support.runtime import NOON

WHAT = "batch bytes through the worker runtime → rows, events/s"
FIGURES = {
    False: Figure("ingest through the function", WHAT, REF, 0.08, 0.5),
    True: Figure("ingest through the function, EVENT_FAST_DECODE", WHAT, REF, 0.08, 0.5),
}
BATCH = 1000
FUNCTIONS = {"ledger": "stream_ledger", "payment_order": "stream_payment_orders"}


@dataclass(frozen=True)
class Delivery:
    """One batch as the host hands it over."""

    function: str
    inputs: Mapping[str, TypedData]
    metadata: Mapping[str, TypedData]


def delivery_of(batch: EventBatch) -> Delivery:
    """The host's shape of a batch, made beforehand: what arrives over the wire is not ours to speed up."""
    events = batch.events
    times = [event.enqueued_at.replace(tzinfo=None).isoformat(timespec="milliseconds") for event in events]
    system = [
        json.dumps(
            {
                "SequenceNumber": event.sequence_number,
                "Offset": event.offset,
                "PartitionKey": None,
                "EnqueuedTimeUtc": enqueued,
            }
        )
        for event, enqueued in zip(events, times, strict=True)
    ]
    columns = HostBatch(
        bodies=[event.body for event in events],
        sequence_numbers=[event.sequence_number for event in events],
        offsets=[event.offset for event in events],
        enqueued_times=times,
        partition_keys=[None] * len(events),
        properties=["{}"] * len(events),
        system_properties=system,
    )
    context = PartitionContext("local", batch.hub, batch.consumer_group, batch.partition_id)
    inputs = {"events": trigger_data(columns)}
    return Delivery(FUNCTIONS[batch.stream], inputs, trigger_metadata(columns, context, checkpointing=True))


class FunctionSide:
    """The app of this checkout in the real worker runtime, in this process."""

    def __init__(self, worker: Worker, loop: asyncio.AbstractEventLoop) -> None:
        self._worker, self._loop = worker, loop

    def run(self, deliveries: Sequence[Delivery]) -> float:
        """Seconds the invocations take, one after the other as one pump does. Raises when one fails."""
        return self._loop.run_until_complete(self._run(deliveries))

    async def _run(self, deliveries: Sequence[Delivery]) -> float:
        started = time.perf_counter()
        for number, delivery in enumerate(deliveries):
            result = await self._worker.invoke(
                delivery.function, str(number), delivery.inputs, delivery.metadata, Retry(0, -1), ""
            )
            if not result.succeeded:
                raise RuntimeError(result.error)
        return time.perf_counter() - started


def measure_through_function(
    server: BenchServer,
    side: FunctionSide,
    plan: Plan,
    on_round: Callable[[], None],
    *,
    fast: bool,
    orders: int,
) -> Measured:
    """The function's rate over the reference's, at the same batches of one hub each; both end in the same rows."""
    # The app reads this setting when it is registered; one process holds one app, so it is chosen anew here.
    settings = msgspec.structs.replace(server.runtime.settings, event_fast_decode=fast)
    choose_decode(replace(server.runtime, settings=settings))
    load = workload(orders)
    calls: Calls = load.by_hub(BATCH)
    deliveries = [delivery_of(batch) for call in calls for batch in call]
    count = len(load.events)
    ref = Reference.prepared(server, calls)
    # Makes the partitions known, so that the app need not ask a broker for their generation.
    run_ours(server, load.batches(BATCH)[:1])
    side.run(deliveries[:2])

    def one_round(_attempt: int) -> tuple[float, float]:
        server.truncate()
        ours = side.run(deliveries)
        ended = fingerprint(server.owner)
        server.truncate()
        theirs = ref.run(NOON)
        assert ended == fingerprint(server.owner), "the two sides ended in different rows"
        return count / ours, count / theirs

    with pinned(ref.session.info.backend_pid, *_app_backends(server)) as core:
        measured = Measured(
            FIGURES[fast], "events/s", notes={"events": count, "core": core, "fast_decode": fast}
        )
        run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)
    ref.session.close()
    return measured


def _app_backends(server: BenchServer) -> list[int]:
    """The server processes the app's own pool talks to."""
    rows = server.owner.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'counterfoil'"
    )
    return [int(pid) for (pid,) in rows.fetchall()]
