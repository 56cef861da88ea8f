"""Find holes in what was received, and move the gaps that stand: closed when they arrive, expired when they cannot.

Every gap is told of once, and once more when the hub has dropped what it misses. While the hub drops event after event
of a partition that lags, each look finds the next stretch: all of them are one loss, and one alert.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from shared.alerts.store import insert_outbox
from shared.sync.loss import store
from shared.sync.loss.errors import SequenceGap
from shared.sync.loss.look import HubStates, readable_from
from shared.sync.loss.model import Gap, GapState, beside, count, holes, joined, settled, without

# Each is a row and an alert; what is beyond waits for the next look, a minute later.
GAPS_PER_LOOK_MAX = 1_000


@dataclass
class GapsSeen:
    """What one look found and moved, and what is missing now, in gaps a person has not accepted.

    `unrecorded` counts events of holes that wait for the next look, because this one found too many.
    """

    found: list[Gap] = field(default_factory=list)
    moved: list[Gap] = field(default_factory=list)
    standing: list[Gap] = field(default_factory=list)
    unrecorded: int = 0

    @property
    def missing_events(self) -> int:
        """Events missing in open and expired gaps, and in holes not recorded yet."""
        return sum(count(gap.missing) for gap in self.standing) + self.unrecorded


def find_gaps(connection: Connection, consumer_group: str, states: HubStates, now: datetime) -> GapsSeen:
    """Under a lock of its own: settle every gap, record the new holes, and tell of what is new and what is lost."""
    store.lock_gaps(connection)
    seen = GapsSeen()
    known: dict[int, list[Gap]] = defaultdict(list)
    for record in store.list_gaps(connection, consumer_group):
        known[record.gap.position_id].append(record.gap)
    for standing in store.list_standings(connection, consumer_group):
        partition = _Partition(connection, standing, readable_from(standing, states), now)
        partition.settle(known[standing.position_id], seen)
        partition.record(known[standing.position_id], seen)
    return seen


def oldest_missing(gaps: Sequence[Gap]) -> dict[int, int]:
    """By position, the lowest number of its open gaps that the hub may still give."""
    found: dict[int, int] = {}
    for gap in gaps:
        if gap.state is GapState.OPEN and (readable := without(gap.missing, gap.expired)):
            found[gap.position_id] = min(readable[0][0], found.get(gap.position_id, readable[0][0]))
    return found


@dataclass(frozen=True)
class _Partition:
    """One partition in one look; `readable` is the lowest number the hub can still give, None if it did not say."""

    connection: Connection
    standing: store.Standing
    readable: int | None
    now: datetime

    def settle(self, known: Sequence[Gap], seen: GapsSeen) -> None:
        """Move the gaps that stand."""
        for gap in known:
            after = self._moved(gap, seen)
            if gap.state is GapState.OPEN and after.state is GapState.EXPIRED:
                self._tell(after, f"{gap.gap_id}:{after.state}")

    def record(self, known: Sequence[Gap], seen: GapsSeen) -> None:
        """Make gaps of the holes that are none yet."""
        recorded = joined((gap.first_number, gap.last_number) for gap in known)
        new = without(holes(self.standing.received, self.readable), recorded)
        room = GAPS_PER_LOOK_MAX - len(seen.found)
        seen.unrecorded += count(new[room:])
        losses = _losses(known)
        for hole in new[:room]:
            if gap := store.insert_gap(self.connection, self.standing.position_id, hole, self.now):
                after = self._moved(gap, seen)
                seen.found.append(after)
                self._tell(after, f"{losses.get(gap.first_number, gap.gap_id)}")

    def _moved(self, gap: Gap, seen: GapsSeen) -> Gap:
        after = settled(gap, beside(gap, self.standing.received), self.readable)
        if after != gap and store.move_gap(self.connection, after, gap.state, self.now):
            seen.moved.append(after)
        if after.state in (GapState.OPEN, GapState.EXPIRED):
            seen.standing.append(after)
        return after

    def _tell(self, gap: Gap, episode: str) -> None:
        payload = {
            "code": SequenceGap.code,
            "stream": self.standing.stream,
            "hub": self.standing.hub,
            "generation": self.standing.generation,
            "partition_id": self.standing.partition_id,
            "gap_id": gap.gap_id,
            "state": gap.state,
            "missing": store.ranges_json(gap.missing),
            "expired": store.ranges_json(gap.expired),
            "events": count(gap.missing),
            "at": self.now,
        }
        insert_outbox(self.connection, "ALERT", f"{SequenceGap.code}:{episode}", payload, self.now)


def _losses(known: Sequence[Gap]) -> dict[int, int]:
    """The number after each expired gap, and the first gap of the loss it ends: what follows belongs to that loss."""
    found: dict[int, int] = {}
    for gap in known:
        if gap.state is GapState.EXPIRED:
            found[gap.last_number + 1] = found.get(gap.first_number, gap.gap_id)
    return found
