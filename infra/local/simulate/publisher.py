"""Publishes the world at a steady rate, and remembers every event the broker acknowledged."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice

from infra.local.eventhubs.routing import partition_of
from infra.local.sample.model import SampleEvent, Stream
from infra.local.sample.sender import HubConnection, PartitionSender
from infra.local.simulate.world import is_poison

TICK_SECONDS = 0.2
# A hub that was away is made up for no faster than this many times the rate.
CATCH_UP = 4
PATIENCE_SECONDS = 120.0

Body = tuple[str, bytes]


class Publisher:
    """One sender per partition. Counts may be read while it works, `sent` and `poison` when it has ended."""

    def __init__(self, connection: str, hubs: dict[Stream, str]) -> None:
        self._connection = connection
        self._hubs = hubs
        self._senders: dict[Stream, list[PartitionSender]] = {}
        self._lock = threading.Lock()
        self.acknowledged = 0
        self.resent = 0
        self.sent: Counter[Body] = Counter()
        self.poison: set[Body] = set()

    def publish(self, events: Iterable[SampleEvent], rate: int, stopped: Callable[[], bool]) -> None:
        """Send until the events end or somebody stops it, and wait until all sent are acknowledged.

        Raises PublishFailed when the broker stays away.
        """
        source = iter(events)
        began, given = time.monotonic(), 0
        try:
            while not stopped():
                due = round((time.monotonic() - began) * rate) - given
                batch = list(islice(source, max(0, min(due, round(CATCH_UP * rate * TICK_SECONDS)))))
                if due > 0 and not batch:
                    break
                given += len(batch)
                self._send(batch)
                time.sleep(TICK_SECONDS)
        except BaseException:
            for sender in self._all_senders():
                sender.abandon()
            raise
        for sender in self._all_senders():
            sender.finish()

    def _send(self, batch: list[SampleEvent]) -> None:
        chunks: dict[tuple[Stream, int], list[SampleEvent]] = {}
        for event in batch:
            senders = self._senders_of(event.stream)
            chunks.setdefault((event.stream, partition_of(event.partition_key, len(senders))), []).append(
                event
            )
            self.sent[event.stream, event.body] += 1
            if is_poison(event):
                self.poison.add((event.stream, event.body))
        for (stream, place), chunk in chunks.items():
            self._senders[stream][place].put(chunk)

    def _senders_of(self, stream: Stream) -> list[PartitionSender]:
        if stream not in self._senders:
            asking = HubConnection(self._connection, self._hubs[stream], PATIENCE_SECONDS)
            try:
                ids = asking.ask(lambda client: client.get_partition_ids())
            finally:
                asking.close()
            self._senders[stream] = [self._sender(stream, each) for each in ids]
        return self._senders[stream]

    def _sender(self, stream: Stream, partition_id: str) -> PartitionSender:
        hub = HubConnection(self._connection, self._hubs[stream], PATIENCE_SECONDS)
        return PartitionSender(hub, partition_id, self._count)

    def _count(self, acknowledged: int, resent: int) -> None:
        with self._lock:
            self.acknowledged += acknowledged
            self.resent += resent

    def _all_senders(self) -> list[PartitionSender]:
        return [sender for senders in self._senders.values() for sender in senders]
