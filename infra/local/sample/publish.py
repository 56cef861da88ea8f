"""Publishes events through the official Event Hubs SDK, and counts what the broker acknowledged."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from infra.local.eventhubs.routing import partition_of
from infra.local.sample.model import SampleEvent, Stream
from infra.local.sample.sender import Chunk, HubConnection, PartitionSender, PublishFailed

__all__ = ["PublishFailed", "Published", "publish"]

CHUNK_EVENTS = 400
PATIENCE_SECONDS = 120.0


@dataclass
class Published:
    """What the broker acknowledged, by stream; `resent` events may be in the hub twice."""

    acknowledged: Counter[Stream] = field(default_factory=Counter)
    resent: int = 0


def publish(
    events: Iterable[SampleEvent],
    connection: str,
    hubs: Mapping[Stream, str],
    on_acknowledged: Callable[[int], None] = lambda _count: None,
    patience_seconds: float = PATIENCE_SECONDS,
    result: Published | None = None,
) -> Published:
    """Send every event to its stream's hub, events of one partition key in the order given.

    While the broker is away the same batch is tried again for `patience_seconds`. Pass `result` to know
    the counts after a failure too. Raises PublishFailed.
    """
    tally = _Tally(result or Published(), on_acknowledged)
    writers: dict[Stream, _HubWriter] = {}
    try:
        for event in events:
            if event.stream not in writers:
                hub = hubs[event.stream]
                writers[event.stream] = _HubWriter(event.stream, connection, hub, tally, patience_seconds)
            writers[event.stream].add(event)
        for writer in writers.values():
            writer.flush()
    except BaseException:
        for sender in _senders(writers.values()):
            sender.abandon()
        raise
    _finish_all(_senders(writers.values()))
    return tally.result


class _Tally:
    """Counts from many senders; `on_acknowledged` is called by one of them at a time."""

    def __init__(self, result: Published, on_acknowledged: Callable[[int], None]) -> None:
        self.result = result
        self._on_acknowledged = on_acknowledged
        self._lock = threading.Lock()

    def add(self, stream: Stream, acknowledged: int, resent: int) -> None:
        with self._lock:
            self.result.acknowledged[stream] += acknowledged
            self.result.resent += resent
            if acknowledged:
                self._on_acknowledged(acknowledged)


class _HubWriter:
    """One hub: a sender and a chunk under way for each partition."""

    def __init__(
        self, stream: Stream, connection: str, hub: str, tally: _Tally, patience_seconds: float
    ) -> None:
        asking = HubConnection(connection, hub, patience_seconds)
        try:
            partition_ids = asking.ask(lambda client: client.get_partition_ids())
        finally:
            asking.close()
        self.senders = [
            PartitionSender(
                HubConnection(connection, hub, patience_seconds),
                partition_id,
                lambda acknowledged, resent: tally.add(stream, acknowledged, resent),
            )
            for partition_id in partition_ids
        ]
        self._chunks: list[Chunk] = [[] for _ in partition_ids]
        self._next = 0

    def add(self, event: SampleEvent) -> None:
        place = self._place(event.partition_key)
        chunk = self._chunks[place]
        chunk.append(event)
        if len(chunk) >= CHUNK_EVENTS:
            self._chunks[place] = []
            self.senders[place].put(chunk)

    def flush(self) -> None:
        for place, chunk in enumerate(self._chunks):
            self._chunks[place] = []
            self.senders[place].put(chunk)

    def _place(self, key: str) -> int:
        if key:
            return partition_of(key, len(self.senders))
        self._next = (self._next + 1) % len(self.senders)
        return self._next


def _senders(writers: Iterable[_HubWriter]) -> list[PartitionSender]:
    return [sender for writer in writers for sender in writer.senders]


def _finish_all(senders: list[PartitionSender]) -> None:
    """End every sender, then raise the first failure."""
    failures = []
    for sender in senders:
        try:
            sender.finish()
        except PublishFailed as failure:
            failures.append(failure)
    if failures:
        raise failures[0]
