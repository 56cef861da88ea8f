"""Loss, as far as numbers can prove it: ranges, holes, gaps and their states, heads and unread ages; pure.

The hub numbers the events of a partition without gaps. So a number inside what we received that we do not hold is an
event that was lost, and a number beyond it that the hub no longer holds is one that nobody will ever read.
"""

import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

Range = tuple[int, int]
# First and last number of each, in order; neighbours do not touch.
Ranges = tuple[Range, ...]

_RANGE = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?", re.ASCII)


def joined(ranges: Iterable[Range]) -> Ranges:
    """Any ranges in any order as Ranges."""
    found: list[Range] = []
    for first, last in sorted(ranges):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        elif first <= last:
            found.append((first, last))
    return tuple(found)


def common(one: Ranges, other: Ranges) -> Ranges:
    """The numbers in both."""
    found: list[Range] = []
    a = b = 0
    while a < len(one) and b < len(other):
        first, last = max(one[a][0], other[b][0]), min(one[a][1], other[b][1])
        if first <= last:
            found.append((first, last))
        if one[a][1] < other[b][1]:
            a += 1
        else:
            b += 1
    return tuple(found)


def without(ranges: Ranges, taken: Ranges) -> Ranges:
    """The numbers of the first that are not in the second."""
    if not ranges or not taken:
        return ranges
    edges = [ranges[0][0] - 1, *(edge for each in taken for edge in (each[0], each[1])), ranges[-1][1] + 1]
    free = zip(edges[::2], edges[1::2], strict=True)
    return common(ranges, tuple((before + 1, after - 1) for before, after in free if before + 1 < after))


def below(ranges: Ranges, number: int) -> Ranges:
    """The numbers under that one."""
    return tuple((first, min(last, number - 1)) for first, last in ranges if first < number)


def within(ranges: Ranges, number: int) -> bool:
    """Whether the number is one of them."""
    place = bisect_right(ranges, (number, math.inf))
    return place > 0 and number <= ranges[place - 1][1]


def count(ranges: Ranges) -> int:
    """How many numbers there are."""
    return sum(last - first + 1 for first, last in ranges)


def parse_ranges(text: str) -> Ranges:
    """`100-199,205` as a person writes it. Raises ValueError."""
    found = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None or int(match[1]) > int(match[2] or match[1]):
            raise ValueError(f"{part.strip()!r} is no range of sequence numbers such as 100-199 or 205")
        found.append((int(match[1]), int(match[2] or match[1])))
    return joined(found)


def stretches(ranges: Ranges, apart_max: int) -> list[Ranges]:
    """The ranges in runs that are read in one go: what lies between two of a run is at most that many numbers."""
    found: list[list[Range]] = []
    for each in ranges:
        if found and each[0] - found[-1][-1][1] - 1 <= apart_max:
            found[-1].append(each)
        else:
            found.append([each])
    return [tuple(run) for run in found]


def holes(received: Ranges, readable_from: int | None) -> Ranges:
    """Numbers between the first and the last we received that we do not hold.

    And those after the last that the hub no longer holds, if it said from where on it does.
    """
    if not received:
        return ()
    first, last = received[0][0], received[-1][1]
    if readable_from is not None:
        last = max(last, readable_from - 1)
    return without(((first, last),), received)


class GapState(StrEnum):
    """OPEN can still be read again, EXPIRED cannot, ACCEPTED is a person's decision, CLOSED is received after all."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"
    EXPIRED = "EXPIRED"
    ACCEPTED = "ACCEPTED"


@dataclass(frozen=True)
class Gap:
    """A hole as it was found, and what is still missing of it; `expired` is the part nobody can read any more."""

    gap_id: int
    position_id: int
    first_number: int
    last_number: int
    missing: Ranges
    expired: Ranges
    state: GapState


def beside(gap: Gap, received: Ranges) -> Ranges:
    """What of the received ranges can touch the gap; all of them for each gap would be quadratic."""
    start = bisect_right(received, (gap.first_number, math.inf))
    return received[max(0, start - 1) : bisect_right(received, (gap.last_number, math.inf))]


def settled(gap: Gap, received: Ranges, readable_from: int | None) -> Gap:
    """The gap after another look: what arrived is missing no more, what the hub dropped has expired.

    CLOSED when nothing is missing, whatever it was before; an OPEN one whose rest has expired is EXPIRED.
    """
    missing = without(gap.missing, received)
    gone = below(missing, readable_from) if readable_from is not None else ()
    expired = joined((*common(missing, gap.expired), *gone))
    state = gap.state
    if not missing:
        state = GapState.CLOSED
    elif state is GapState.OPEN and expired == missing:
        state = GapState.EXPIRED
    return replace(gap, missing=missing, expired=expired, state=state)


@dataclass(frozen=True)
class Extent:
    """What the hub holds of a partition: first and last number (None: nothing), and when the last was enqueued."""

    first: int | None
    last: int | None
    last_enqueued_at: datetime | None


@dataclass(frozen=True)
class Head:
    """How far we were at the last look: our highest number, since when, and since when the hub held more.

    `behind_since` is a lower bound: the look at which the hub was first seen ahead of this very number.
    """

    own: int | None
    moved_at: datetime
    behind_since: datetime | None


def unread(own: int | None, extent: Extent) -> int:
    """How many events the hub holds beyond our highest number; of a partition never read, all."""
    if extent.first is None or extent.last is None:
        return 0
    taken = extent.first - 1 if own is None else own
    return max(0, extent.last - taken)


def next_head(before: Head | None, own: int | None, extent: Extent | None, now: datetime) -> Head:
    """The head after another look; a hub that cannot be asked neither starts nor ends a stall."""
    still = before is not None and before.own == own
    moved_at = before.moved_at if before is not None and still else now
    standing = before.behind_since if before is not None and still else None
    if extent is None:
        return Head(own, moved_at, standing)
    return Head(own, moved_at, (standing or max(now, moved_at)) if unread(own, extent) else None)


def is_stalled(head: Head, seconds_max: float, now: datetime) -> bool:
    """Whether our head stood still for so long while the hub was ahead."""
    return head.behind_since is not None and now - head.behind_since >= timedelta(seconds=seconds_max)


@dataclass(frozen=True)
class UnreadAge:
    """How old the oldest unread event is, in seconds: at least and, where that is known, at most."""

    at_least: float
    at_most: float | None


def unread_age(
    head: Head, extent: Extent, last_enqueued_at: datetime | None, now: datetime
) -> UnreadAge | None:
    """What the numbers alone say; None when nothing is unread.

    It lay there when we first saw the hub ahead, and it came no earlier than the newest event we hold. A single
    unread event is the hub's newest, whose time the hub tells.
    """
    waiting = unread(head.own, extent)
    if not waiting:
        return None
    if waiting == 1 and extent.last_enqueued_at is not None:
        age = max(0.0, (now - extent.last_enqueued_at).total_seconds())
        return UnreadAge(age, age)
    since = head.behind_since or now
    if extent.last_enqueued_at is not None:
        # The oldest is no younger than the newest.
        since = min(since, extent.last_enqueued_at)
    at_most = None if last_enqueued_at is None else max(0.0, (now - last_enqueued_at).total_seconds())
    return UnreadAge(max(0.0, (now - since).total_seconds()), at_most)


def is_at_risk(age: UnreadAge, seconds_max: float) -> bool | None:
    """Whether the oldest unread event is that old; None when the bounds do not decide."""
    if age.at_least >= seconds_max:
        return True
    return False if age.at_most is not None and age.at_most < seconds_max else None


def seen_through(
    heads: Sequence[tuple[int | None, datetime | None]], extents: Sequence[Extent | None], now: datetime
) -> datetime | None:
    """Up to which moment we hold whatever was sent; per partition our number and newest enqueued time, and the hub's.

    Where nothing is unread that is now; else the time of the newest event we hold. None: nothing is known.
    """
    through = now
    for (own, last_enqueued_at), extent in zip(heads, extents, strict=True):
        if extent is not None and not unread(own, extent):
            continue
        if last_enqueued_at is None:
            return None
        through = min(through, last_enqueued_at)
    return through if heads else None


def silent_sites(
    newest: Mapping[str, datetime | None], windows: Mapping[str, int], through: datetime | None
) -> dict[str, datetime]:
    """Sites whose newest event is older than their window, as far as we can know; with that event's time.

    A site that never sent anything is unknown, and a site we may only be behind of is not silent.
    """
    if through is None:
        return {}
    return {
        site: at
        for site, seconds in windows.items()
        if (at := newest.get(site)) is not None and through - at > timedelta(seconds=seconds)
    }


@dataclass(frozen=True)
class Partition:
    """One partition of a stream's hub as it is today: what we hold of it and what the hub holds, None if unknown.

    `oldest_missing` is the lowest number of an open gap that the hub may still give, None without one.
    """

    stream: str
    hub: str
    generation: int
    partition_id: str
    own: int | None
    last_enqueued_at: datetime | None
    extent: Extent | None
    oldest_missing: int | None = None

    @property
    def first_unread(self) -> int | None:
        """The number of the oldest event the hub holds and we do not; None when there is none, or nobody knows."""
        if self.extent is None or self.extent.first is None:
            return None
        if self.is_gap_readable:
            return self.oldest_missing
        if not unread(self.own, self.extent):
            return None
        return self.extent.first if self.own is None else max(self.extent.first, self.own + 1)

    @property
    def is_gap_readable(self) -> bool:
        """Whether an open gap misses what the hub still holds: older than all that is beyond our head."""
        if self.oldest_missing is None or self.extent is None or self.extent.first is None:
            return False
        return self.oldest_missing >= self.extent.first


@dataclass(frozen=True)
class Wish:
    """What somebody wants to read again: everything that is missing, or of one partition, or some of its numbers."""

    stream: str | None = None
    partition_id: str | None = None
    ranges: Ranges | None = None


@dataclass(frozen=True)
class Replayed:
    """What became of one partition's part; `missing` is what is missing still.

    `unread` lies beyond our head: the stream will take it, unless its checkpoint was moved past it.
    """

    stream: str
    hub: str
    partition_id: str
    wanted: Ranges
    expired: Ranges
    events: dict[str, int]
    missing: Ranges
    unread: Ranges
