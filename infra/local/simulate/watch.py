"""Looks at the system while it is disturbed: what the hubs hold, what was received, and how far behind that is."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
import psycopg

from infra.local.simulate.losses import Batch, LostBatches, Ranges, Received, count
from infra.local.simulate.system import System

SAMPLE_SECONDS = 0.4
CONNECT_SECONDS = 2
# Between the last call of a function and a sample that shows what it stored.
SETTLE_SECONDS = 3.0
_RECEIVED = """
SELECT hub, partition_id, lower(part), upper(part) - 1
FROM stream_positions, unnest(received) AS part WHERE consumer_group = %s ORDER BY hub, partition_id, 3
"""

PartitionPlace = tuple[str, str]
Counts = Mapping[PartitionPlace, int]


@dataclass(frozen=True)
class Sample:
    """One look; None where nobody answered, which is unknown and not zero.

    `lost` counts what is missing of batches the platform lost and nobody has read again.
    """

    at_seconds: float
    acknowledged: int
    held: Counts | None
    received: Counts | None
    lost: Mapping[Batch, int] = field(default_factory=dict)

    @property
    def lag(self) -> int | None:
        """Events the hubs hold that were not received."""
        if self.held is None or self.received is None:
            return None
        return max(0, sum(self.held.values()) - sum(self.received.values()))

    @property
    def unexplained(self) -> int | None:
        """The lag without what the platform lost."""
        return None if self.lag is None else self.lag - sum(self.lost.values())

    def has(self, wanted: Counts) -> bool:
        """Whether at least so many of each partition were received, or will not come by themselves."""
        if self.received is None:
            return False
        passed = dict(self.received)
        for batch, number in self.lost.items():
            passed[batch.place] = passed.get(batch.place, 0) + number
        return all(passed.get(place, 0) >= n for place, n in wanted.items())


class Watch:
    """Samples in a thread until stopped."""

    def __init__(self, system: System, acknowledged: Callable[[], int], lost: LostBatches) -> None:
        self._system = system
        self._acknowledged = acknowledged
        self._lost = lost
        self._connection: psycopg.Connection[tuple[str, str, int, int]] | None = None
        self._done = threading.Event()
        self._began = time.monotonic()
        self.samples: list[Sample] = []
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def start(self) -> None:
        """From now on `now` counts."""
        self._began = time.monotonic()
        self._thread.start()

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began

    @property
    def last(self) -> Sample:
        """The newest sample; an empty one before the first."""
        return self.samples[-1] if self.samples else Sample(0.0, 0, None, None)

    def stop(self) -> None:
        """Sample no more."""
        self._done.set()
        self._thread.join()
        if self._connection is not None:
            self._connection.close()

    def _run(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            # The hubs are asked last, so that a sample never shows less lag than there is.
            received = self._fetch_received()
            at, acknowledged, held = self.now, self._acknowledged(), self._fetch_held()
            if received is None:
                self.samples.append(Sample(at, acknowledged, held, None))
                continue
            counts = {place: count(ranges) for place, ranges in received.items()}
            # After `at`, so that a sample knows every batch that was lost before it.
            lost = self._lost.still_missing(received)
            self.samples.append(Sample(at, acknowledged, held, counts, lost))

    def _fetch_received(self) -> Received | None:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(
                    self._system.conninfo("auditor"), autocommit=True, connect_timeout=CONNECT_SECONDS
                )
            return fetch_received(self._connection, self._system.settings.event_consumer_group)
        except psycopg.Error:
            if self._connection is not None:
                self._connection.close()
            return None

    def _fetch_held(self) -> Counts | None:
        try:
            return fetch_held(self._system)
        except httpx.HTTPError:
            return None


def fetch_received(
    connection: psycopg.Connection[tuple[str, str, int, int]], consumer_group: str
) -> dict[PartitionPlace, Ranges]:
    """The numbers received of every partition of which there are any."""
    found: dict[PartitionPlace, Ranges] = {}
    for hub, partition_id, first, last in connection.execute(_RECEIVED, [consumer_group]):
        found[hub, partition_id] = (*found.get((hub, partition_id), ()), (first, last))
    return found


def fetch_held(system: System) -> dict[PartitionPlace, int]:
    """How many events every partition holds. Raises httpx.HTTPError while the hubs are away."""
    hubs = system.hubs_control("GET", "state")["hubs"]
    return {
        (name, str(number)): partition["last_sequence"] + 1
        for name, hub in hubs.items()
        for number, partition in enumerate(hub["partitions"])
    }


def host_is_done(system: System, held: Counts) -> bool:
    """Whether the host has put all these events behind it, taken or lost; False while it is away."""
    try:
        pumps = system.pumps()
    except httpx.HTTPError:
        return False
    done = {(p["hub"], p.get("partition")): p.get("position") for p in pumps}
    return all(done.get(place) == number - 1 for place, number in held.items() if number)


class Ending:
    """Tells when nothing more will be received: all of it was, or the host is done with all and some never came."""

    def __init__(self, system: System, watch: Watch) -> None:
        self._system = system
        self._watch = watch
        self._began = watch.now
        self._done_since: float | None = None

    def has_come(self) -> bool:
        sample = self._watch.last
        if sample.at_seconds <= self._began or sample.held is None:
            return False
        if sample.lag == 0:
            return True
        if not host_is_done(self._system, sample.held):
            self._done_since = None
        elif self._done_since is None:
            self._done_since = self._watch.now
        return self._done_since is not None and self._watch.now - self._done_since > SETTLE_SECONDS
