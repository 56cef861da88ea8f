"""Whole path: SDK producer → local Event Hubs → pump → function → committed rows, beside the SDK's receiving alone."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from azure.eventhub import EventHubProducerClient

from tests.bench.measure import Figure, Measured, Plan, run_rounds
from tests.bench.server import BenchServer
from tests.bench.start import SETTINGS
from tests.bench.workload import workload
from tests.support.eventhubs import LocalEventHubs, local_event_hubs
from tests.support.eventhubs_sdk import consumer, producer, send_all
from tests.support.functions_host import ROOT, local_functions_host

FIGURE = Figure(
    "whole path",
    "published with the SDK → committed rows, events/s",
    "the SDK receiving them, no processing",
    0.5,
    0.9,
)
SECONDS_TO_COMMIT = 300.0
# Many small batches: the first is left out, and must not be most of them.
BATCH_MAX = 100
HUBS = {"ledger": SETTINGS["LEDGER_HUB_NAME"], "payment_order": SETTINGS["PAYMENT_ORDER_HUB_NAME"]}


@dataclass
class Route:
    """The local broker and the host behind it; `taken` is how many events of each hub earlier rounds published."""

    server: BenchServer
    broker: LocalEventHubs
    bodies: Mapping[str, list[bytes]]
    taken: dict[str, int] = field(default_factory=lambda: dict.fromkeys(HUBS, 0))

    @property
    def count(self) -> int:
        return sum(map(len, self.bodies.values()))

    def through(self) -> float:
        """Events a second from publishing to commit.

        Counted from each hub's second event on, so that opening the links, about a second and a half in the SDK, is
        no part of it.
        """
        self.server.truncate()
        with ExitStack() as stack:
            clients = {
                stream: stack.enter_context(producer(self.broker.connection_string, hub))
                for stream, hub in HUBS.items()
            }
            for stream, client in clients.items():
                send_all(client, self.bodies[stream][:1], partition_id="0")
            self._wait_until_committed(len(HUBS))
            started = time.perf_counter()
            with ThreadPoolExecutor(len(HUBS)) as threads:
                sending = [
                    threads.submit(self._publish, stream, client) for stream, client in clients.items()
                ]
                self._wait_until_committed(self.count)
                for each in sending:
                    each.result()
            return (self.count - len(HUBS)) / (time.perf_counter() - started)

    def _publish(self, stream: str, client: EventHubProducerClient) -> None:
        send_all(client, self.bodies[stream][1:], partition_id="0")

    def _wait_until_committed(self, count: int) -> None:
        deadline = time.monotonic() + SECONDS_TO_COMMIT
        query = (
            "SELECT coalesce(sum(applied + superseded + duplicate + dead_lettered), 0) FROM stream_positions"
        )
        while time.monotonic() < deadline:
            (held,) = self.server.owner.execute(query).fetchone() or (0,)
            if held >= count:
                return
            time.sleep(0.01)
        raise TimeoutError(f"not every event was committed within {SECONDS_TO_COMMIT:.0f} s")

    def received(self) -> float:
        """Events a second the SDK receives of this round, both hubs at once, doing nothing with them.

        Counted from each hub's first batch on, so that opening the links is no part of it.
        """
        batches = asyncio.run(self._receive())
        for stream, bodies in self.bodies.items():
            self.taken[stream] += len(bodies)
        began = min(own[0][0] for own in batches)
        ended = max(own[-1][0] for own in batches)
        return sum(count for own in batches for _, count in own[1:]) / (ended - began)

    async def _receive(self) -> list[list[tuple[float, int]]]:
        return await asyncio.gather(*(self._receive_one(stream) for stream in HUBS))

    async def _receive_one(self, stream: str) -> list[tuple[float, int]]:
        """When each batch came and how many events it held. Raises TimeoutError when they do not all come."""
        batches: list[tuple[float, int]] = []
        missing = len(self.bodies[stream])
        done = asyncio.Event()

        async def on_batch(_context: object, events: Sequence[object]) -> None:
            nonlocal missing
            missing -= len(events)
            batches.append((time.perf_counter(), len(events)))
            if missing <= 0:
                done.set()

        before = self.taken[stream] - 1
        async with consumer(self.broker.connection_string, HUBS[stream], "replay") as client:
            receiving = asyncio.create_task(
                client.receive_batch(
                    on_batch,
                    partition_id="0",
                    starting_position=before if before >= 0 else "-1",
                    prefetch=3000,
                    max_batch_size=BATCH_MAX,
                )
            )
            await asyncio.wait_for(done.wait(), SECONDS_TO_COMMIT)
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)
        return batches


@contextmanager
def _standing(server: BenchServer, orders: int, fast_decode: bool) -> Iterator[Route]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="counterfoil-bench-")))
        broker = stack.enter_context(local_event_hubs(folder / "broker", dict.fromkeys(HUBS.values(), 1)))
        settings = {
            **SETTINGS,
            "DATABASE_URL": server.app_url,
            "EventHubs": broker.connection_string,
            "EVENT_FAST_DECODE": str(fast_decode).lower(),
        }
        stack.enter_context(local_functions_host(ROOT, folder, settings))
        events = workload(orders).events
        bodies = {stream: [event.body for name, event in events if name == stream] for stream in HUBS}
        yield Route(server, broker, bodies)


def measure_whole_path(
    server: BenchServer,
    plan: Plan,
    on_round: Callable[[], None],
    orders: int,
    fast_decode: bool = True,
) -> Measured:
    """The rate of the whole path over the SDK's own receiving of the same events."""
    with _standing(server, orders, fast_decode) as path:

        def one_round(_attempt: int) -> tuple[float, float]:
            ours = path.through()
            (found,) = server.owner.execute(
                "SELECT count(*) FROM pairs WHERE state = 'COMPLETE'"
            ).fetchone() or (0,)
            assert found == orders, "not every order is complete"
            return ours, path.received()

        notes: dict[str, object] = {"events": path.count, "fast_decode": fast_decode}
        measured = Measured(FIGURE, "events/s", notes=notes)
        return run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)
