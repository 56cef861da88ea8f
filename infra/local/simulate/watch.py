"""Looks at the system while it is disturbed: what the hubs hold, what was received, and how far behind that is."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
import psycopg

from infra.local.simulate.system import System

SAMPLE_SECONDS = 0.4
CONNECT_SECONDS = 2
# Between the last call of a function and a sample that shows what it stored.
SETTLE_SECONDS = 3.0
_RECEIVED = """
SELECT hub, partition_id, (SELECT coalesce(sum(upper(part) - lower(part)), 0) FROM unnest(received) AS part)
FROM stream_positions WHERE consumer_group = %s
"""

PartitionPlace = tuple[str, str]
Counts = Mapping[PartitionPlace, int]


@dataclass(frozen=True)
class Sample:
    """One look; None where nobody answered, which is unknown and not zero."""

    at_seconds: float
    acknowledged: int
    held: Counts | None
    received: Counts | None

    @property
    def lag(self) -> int | None:
        """Events the hubs hold that were not received."""
        if self.held is None or self.received is None:
            return None
        return max(0, sum(self.held.values()) - sum(self.received.values()))

    def has(self, wanted: Counts) -> bool:
        """Whether at least so many of each partition were received."""
        received = self.received
        return received is not None and all(received.get(place, 0) >= n for place, n in wanted.items())


class Watch:
    """Samples in a thread until stopped."""

    def __init__(self, system: System, acknowledged: Callable[[], int]) -> None:
        self._system = system
        self._acknowledged = acknowledged
        self._connection: psycopg.Connection[tuple[str, str, int]] | None = None
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
            self.samples.append(Sample(at, acknowledged, held, received))

    def _fetch_received(self) -> Counts | None:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(
                    self._system.conninfo("auditor"), autocommit=True, connect_timeout=CONNECT_SECONDS
                )
            group = self._system.settings.event_consumer_group
            rows = self._connection.execute(_RECEIVED, [group]).fetchall()
        except psycopg.Error:
            if self._connection is not None:
                self._connection.close()
            return None
        found: dict[PartitionPlace, int] = {}
        for hub, partition_id, count in rows:
            found[hub, partition_id] = found.get((hub, partition_id), 0) + int(count)
        return found

    def _fetch_held(self) -> Counts | None:
        try:
            hubs = self._system.hubs_control("GET", "state")["hubs"]
        except httpx.HTTPError:
            return None
        return {
            (name, str(number)): partition["last_sequence"] + 1
            for name, hub in hubs.items()
            for number, partition in enumerate(hub["partitions"])
        }


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
        if not self._host_is_done(sample.held):
            self._done_since = None
        elif self._done_since is None:
            self._done_since = self._watch.now
        return self._done_since is not None and self._watch.now - self._done_since > SETTLE_SECONDS

    def _host_is_done(self, held: Counts) -> bool:
        try:
            pumps = self._system.pumps()
        except httpx.HTTPError:
            return False
        done = {(p["hub"], p.get("partition")): p.get("position") for p in pumps}
        return all(done.get(place) == count - 1 for place, count in held.items() if count)
