"""Find holes in what was received, and move the gaps that stand: closed when they arrive, expired when they cannot."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from shared.alerts.store import insert_outbox
from shared.sync.loss import store
from shared.sync.loss.errors import SequenceGap
from shared.sync.loss.look import HubStates, readable_from
from shared.sync.loss.model import Gap, GapState, beside, count, holes, joined, settled, without


@dataclass
class GapsSeen:
    """What one look found and moved, and what is missing now, in gaps a person has not accepted."""

    found: list[Gap] = field(default_factory=list)
    moved: list[Gap] = field(default_factory=list)
    standing: list[Gap] = field(default_factory=list)

    @property
    def missing_events(self) -> int:
        """Events missing in open and expired gaps."""
        return sum(count(gap.missing) for gap in self.standing)


def find_gaps(connection: Connection, consumer_group: str, states: HubStates, now: datetime) -> GapsSeen:
    """Under a lock of its own: settle every gap, record every new hole, and raise one alert for each of these."""
    store.lock_gaps(connection)
    seen = GapsSeen()
    known = [record.gap for record in store.list_gaps(connection, consumer_group)]
    for standing in store.list_standings(connection, consumer_group):
        mine = [gap for gap in known if gap.position_id == standing.position_id]
        _find(connection, standing, mine, readable_from(standing, states), seen, now)
    return seen


def _find(
    connection: Connection,
    standing: store.Standing,
    known: Sequence[Gap],
    readable: int | None,
    seen: GapsSeen,
    now: datetime,
) -> None:
    recorded = joined((gap.first_number, gap.last_number) for gap in known)
    found = []
    for hole in without(holes(standing.received, readable), recorded):
        if gap := store.insert_gap(connection, standing.position_id, hole, now):
            _tell(connection, standing, gap, now)
            found.append(gap)
    seen.found += found
    for gap in (*known, *found):
        after = (
            settled(gap, beside(gap, standing.received), readable)
            if gap.state is not GapState.CLOSED
            else gap
        )
        if after != gap and store.move_gap(connection, after, gap.state, now):
            seen.moved.append(after)
        if after.state in (GapState.OPEN, GapState.EXPIRED):
            seen.standing.append(after)


def _tell(connection: Connection, standing: store.Standing, gap: Gap, now: datetime) -> None:
    payload = {
        "code": SequenceGap.code,
        "stream": standing.stream,
        "hub": standing.hub,
        "generation": standing.generation,
        "partition_id": standing.partition_id,
        "gap_id": gap.gap_id,
        "missing": store.ranges_json(gap.missing),
        "events": count(gap.missing),
        "at": now,
    }
    insert_outbox(connection, "ALERT", f"{SequenceGap.code}:{gap.gap_id}", payload, now)
