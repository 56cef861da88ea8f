"""How far behind the hubs we are, from what the broker says and what we hold; pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.adapters.event_hubs import PartitionState
from shared.sync.store import PositionRow

# A stream and one of its partitions.
Place = tuple[str, str]


def lags(
    hubs: Mapping[str, Sequence[PartitionState] | None], positions: Sequence[PositionRow]
) -> dict[Place, int | None]:
    """Events in the hub beyond our highest number; of a partition not read yet, all it holds.

    `hubs` gives each stream's partitions, None where the broker could not be asked: the lag is unknown then.
    """
    heads = {(p.stream, p.partition_id): p.high_water for p in positions}
    found: dict[Place, int | None] = {}
    for stream, partitions in hubs.items():
        if partitions is None:
            found.update({place: None for place in heads if place[0] == stream})
        for state in partitions or ():
            found[stream, state.partition_id] = _lag(state, heads.get((stream, state.partition_id)))
    return found


def _lag(state: PartitionState, high_water: int | None) -> int:
    if state.last_sequence_number is None or state.first_sequence_number is None:
        return 0
    taken = state.first_sequence_number - 1 if high_water is None else high_water
    return max(0, state.last_sequence_number - taken)


def lag_seconds(
    hubs: Mapping[str, Sequence[PartitionState] | None], positions: Sequence[PositionRow]
) -> dict[Place, float | None]:
    """How much later the hub's newest event was sent than our newest; 0 where nothing is unread, None: unknown.

    A distance between two events and not a waiting time: after a quiet hour one new event makes it an hour, and while
    the hub gets nothing new it does not grow.
    Unknown is a hub that could not be asked, and a partition of which we never took anything.
    """
    newest = {(p.stream, p.partition_id): p.last_enqueued_at for p in positions}
    states = {(stream, s.partition_id): s for stream, told in hubs.items() for s in told or ()}
    found: dict[Place, float | None] = {}
    for place, events in lags(hubs, positions).items():
        ours, theirs = newest.get(place), states[place].last_enqueued_at if place in states else None
        if events == 0:
            found[place] = 0.0
        elif events is None or ours is None or theirs is None:
            found[place] = None
        else:
            found[place] = max(0.0, (theirs - ours).total_seconds())
    return found


def freshness(positions: Sequence[PositionRow], now: datetime) -> dict[Place, float]:
    """Seconds since the newest event we hold was enqueued; it grows while the producer is silent."""
    return {
        (p.stream, p.partition_id): max(0.0, (now - p.last_enqueued_at).total_seconds())
        for p in positions
        if p.last_enqueued_at is not None
    }
