"""A partition's log: numbered events over several segments, with retention by size and age."""

import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from infra.local.eventhubs.errors import StartError
from infra.local.eventhubs.messages import Event, Place, stored_form
from infra.local.eventhubs.segments import RECORD_OVERHEAD, SUFFIX, Head, Segment

SEGMENTS_PER_RETENTION = 8
SEGMENT_BYTES_MAX = 64 * 1024 * 1024
MS_PER_HOUR = 3_600_000


class Retention(NamedTuple):
    """How long a partition keeps events: an age, and a size in bytes; whichever is reached first."""

    age_ms: int
    size_bytes: int

    @property
    def segment_age_ms(self) -> int:
        """A segment spans no more than this, so that events go at most one eighth late."""
        return self.age_ms // SEGMENTS_PER_RETENTION

    @property
    def segment_bytes(self) -> int:
        return min(SEGMENT_BYTES_MAX, self.size_bytes // SEGMENTS_PER_RETENTION)


class LogProperties(NamedTuple):
    """What management answers about a partition; -1 stands for "never any event"."""

    begin_sequence: int
    last_sequence: int
    last_offset: int
    last_enqueued_ms: int
    is_empty: bool


class PartitionLog:
    """Numbers without gaps, times that never fall, offsets that only grow."""

    def __init__(self, segments: list[Segment], folder: Path, retention: Retention, durable: bool) -> None:
        self._segments = segments
        self._folder = folder
        self._retention = retention
        self._durable = durable
        self.dropped_bytes = 0

    @classmethod
    def open(cls, folder: Path, retention: Retention, durable: bool = False) -> "PartitionLog":
        """Opens or creates the log in a folder and drops a torn tail.

        Raises StartError if segments are damaged or one is missing between others.
        """
        folder.mkdir(parents=True, exist_ok=True)
        paths = sorted(folder.glob(f"*{SUFFIX}"))
        log = cls([], folder, retention, durable)
        for path in paths:
            segment, dropped = Segment.recover(path, is_last=path == paths[-1])
            log._segments.append(segment)
            log.dropped_bytes += dropped
        for before, after in zip(log._segments, log._segments[1:], strict=False):
            if (before.next_sequence, before.end_offset) != (after.head.sequence, after.head.offset):
                raise StartError(f"A segment is missing before {after.path}; remove the data folder.")
        if not paths:
            log._segments.append(Segment.create(folder, Head(0, 0, -1, -1)))
        return log

    @property
    def begin_sequence(self) -> int:
        """The number of the oldest event kept, or of the next one if none is kept."""
        return self._segments[0].head.sequence

    @property
    def next_sequence(self) -> int:
        return self._active.next_sequence

    def properties(self) -> LogProperties:
        active = self._active
        never = active.next_sequence == 0
        return LogProperties(
            begin_sequence=-1 if never else self.begin_sequence,
            last_sequence=active.next_sequence - 1,
            last_offset=active.last_offset,
            last_enqueued_ms=active.last_ms,
            is_empty=self.begin_sequence == active.next_sequence,
        )

    def append(self, events: Sequence[Event], now_ms: int | None = None) -> None:
        """Keeps the events of one publish, all or none.

        Raises OSError if they cannot be written; the log is then as it was.
        """
        now = int(time.time() * 1000) if now_ms is None else now_ms
        self._roll_if_due(now)
        active = self._active
        enqueued_ms = max(now, active.last_ms)
        sequence, offset = active.next_sequence, active.end_offset
        bodies: list[bytes] = []
        for event in events:
            body = stored_form(event, Place(sequence, offset, enqueued_ms))
            bodies.append(body)
            sequence, offset = sequence + 1, offset + RECORD_OVERHEAD + len(body)
        active.append(bodies, enqueued_ms, self._durable)

    def read(self, sequence: int, count_max: int, bytes_max: int) -> list[bytes]:
        """Stored events from a kept number on; empty at the end of the log."""
        segment = self._segment_of(sequence)
        if sequence >= segment.next_sequence:
            return []
        return segment.read(sequence - segment.head.sequence, count_max, bytes_max)

    def sequence_from_offset(self, offset: int, inclusive: bool) -> int:
        """The first event at (inclusive) or after the offset."""
        segment = self._segments[max(0, bisect_right([s.head.offset for s in self._segments], offset) - 1)]
        find = bisect_left if inclusive else bisect_right
        return segment.head.sequence + find(segment.offsets, offset)

    def sequence_from_time(self, enqueued_ms: int, inclusive: bool) -> int:
        """The first event enqueued at (inclusive) or after the time."""
        find = bisect_left if inclusive else bisect_right
        for segment in self._segments:
            index = find(segment.times, enqueued_ms)
            if index < len(segment):
                return segment.head.sequence + index
        return self.next_sequence

    def apply_retention(self, now_ms: int) -> None:
        """Removes whole segments that are too old or too much. Raises OSError if files cannot change."""
        self._roll_if_due(now_ms)
        oldest_ms = now_ms - self._retention.age_ms
        total = sum(segment.size for segment in self._segments)
        while len(self._segments) > 1:
            first = self._segments[0]
            if total <= self._retention.size_bytes and first.last_ms > oldest_ms:
                return
            total -= first.size
            self._segments.pop(0).remove()

    def close(self) -> None:
        for segment in self._segments:
            segment.close()

    @property
    def _active(self) -> Segment:
        return self._segments[-1]

    def _segment_of(self, sequence: int) -> Segment:
        if sequence >= self._active.head.sequence:
            return self._active
        starts = [segment.head.sequence for segment in self._segments]
        return self._segments[max(0, bisect_right(starts, sequence) - 1)]

    def _roll_if_due(self, now_ms: int) -> None:
        active = self._active
        if not len(active):
            return
        too_old = active.times[0] <= now_ms - self._retention.segment_age_ms
        if too_old or active.size >= self._retention.segment_bytes:
            head = Head(active.next_sequence, active.end_offset, active.last_offset, active.last_ms)
            self._segments.append(Segment.create(self._folder, head))
            self.apply_retention(now_ms)
