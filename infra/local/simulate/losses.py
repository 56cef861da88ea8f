"""Batches the platform lost, as the host's own log tells them, and which of their numbers nobody has received since."""

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

Place = tuple[str, str]
Range = tuple[int, int]
# First and last number of each, in order, not touching each other.
Ranges = tuple[Range, ...]
# The received numbers of each partition, by hub and partition.
Received = Mapping[Place, Ranges]

_SKIPPED = re.compile(r" Skipping (\S+): (\S+)/(\S+) events (\d+) to (\d+) without calling it")


@dataclass(frozen=True)
class Batch:
    """One batch that was never given to its function; the fault is that of the plan with this number."""

    fault: int
    stream: str
    hub: str
    partition_id: str
    first: int
    last: int
    at_seconds: float

    @property
    def place(self) -> Place:
        return self.hub, self.partition_id

    def follows(self, other: "Batch") -> bool:
        """Whether one fault lost it right behind the other."""
        return (self.fault, self.place, self.first) == (other.fault, other.place, other.last + 1)

    @property
    def written(self) -> str:
        return f"{self.hub}/{self.partition_id} {written(((self.first, self.last),))}"


@dataclass(frozen=True)
class Loss:
    """What became of a lost batch: numbers that lay in a gap, or beyond the last received, when all had drained.

    Of neither: nothing of it was missing, it was stored before or came again. `left` is what nothing has brought back.
    """

    batch: Batch
    gap: Ranges = ()
    tail: Ranges = ()
    left: Ranges = ()
    recovered_seconds: float | None = None

    @property
    def closed_by(self) -> str | None:
        """None when it is not closed, or nobody looked."""
        if self.left or self.recovered_seconds is None:
            return None
        ways = [way for way, numbers in (("replay", self.gap), ("replay --ranges", self.tail)) if numbers]
        return ", ".join(ways) or "delivered"


def joined(losses: Iterable[Loss]) -> list[Loss]:
    """Batches of one fault that follow each other in a partition as one loss, so that people can read them."""
    found: list[Loss] = []
    for loss in sorted(losses, key=lambda each: (each.batch.fault, each.batch.place, each.batch.first)):
        if found and loss.batch.follows(found[-1].batch):
            found[-1] = _both(found[-1], loss)
        else:
            found.append(loss)
    return found


def _both(one: Loss, other: Loss) -> Loss:
    moments = (one.recovered_seconds, other.recovered_seconds)
    return Loss(
        replace(one.batch, last=other.batch.last),
        one.gap + other.gap,
        one.tail + other.tail,
        one.left + other.left,
        None if moments[0] is None or moments[1] is None else max(moments[0], moments[1]),
    )


class LostBatches:
    """Reads them out of the host's log as they happen."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._place = 0
        self._found: list[Batch] = []
        self._lock = threading.Lock()

    @property
    def batches(self) -> tuple[Batch, ...]:
        """All so far."""
        with self._lock:
            return tuple(self._found)

    def skip(self) -> None:
        """What the log holds so far is not asked about."""
        self._place = self._log.stat().st_size if self._log.exists() else 0

    def read(self, fault: int, stream: str, at_seconds: float) -> None:
        """Take over what the log tells since the last look. Whole lines only: the host may be writing one."""
        with self._log.open("rb") as log:
            log.seek(self._place)
            text, end, _ = log.read().rpartition(b"\n")
        self._place += len(text) + len(end)
        found = [
            Batch(fault, stream, match[2], match[3], int(match[4]), int(match[5]), at_seconds)
            for match in _SKIPPED.finditer(text.decode(errors="replace"))
        ]
        with self._lock:
            self._found += found

    def of(self, fault: int) -> list[Batch]:
        """Those of one fault."""
        return [batch for batch in self.batches if batch.fault == fault]

    def still_missing(self, received: Received) -> dict[Batch, int]:
        """How many numbers of each are not among these; a batch that is whole again is left out."""
        found = {
            batch: count(missing(received.get(batch.place, ()), batch.first, batch.last))
            for batch in self.batches
        }
        return {batch: number for batch, number in found.items() if number}


def missing(received: Ranges, first: int, last: int) -> Ranges:
    """The numbers from first to last that were not received."""
    found: list[Range] = []
    following = first
    for low, high in (*received, (last + 1, last + 1)):
        if following < low and following <= last:
            found.append((following, min(low - 1, last)))
        following = max(following, high + 1)
    return tuple(found)


def common(one: Ranges, other: Ranges) -> Ranges:
    """The numbers in both."""
    met = ((max(a, c), min(b, d)) for a, b in one for c, d in other)
    return tuple(sorted((first, last) for first, last in met if first <= last))


def count(ranges: Ranges) -> int:
    return sum(last - first + 1 for first, last in ranges)


def written(ranges: Iterable[Sequence[int]]) -> str:
    """As people and the replay command have it: 100-199,205-205."""
    return ",".join(f"{first}-{last}" for first, last in ranges)
