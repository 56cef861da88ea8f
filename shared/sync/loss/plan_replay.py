"""What a range replay would read: the numbers that are missing, which of them the hub still holds, which are gone.

And what it would not read unless named: the numbers beyond our own head, up to the hub's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.adapters.event_hubs import PartitionState
from shared.sync.loss import store
from shared.sync.loss.errors import ReplayRefused
from shared.sync.loss.look import HubStates, readable_from
from shared.sync.loss.model import (
    GapState,
    Ranges,
    Wish,
    below,
    common,
    count,
    holes,
    joined,
    settled,
    without,
)

# An entry of the audit record has an end: 100 partitions with 20 ranges are well below it.
PARTITIONS_KEPT_MAX = 100
RANGES_KEPT_MAX = 20


@dataclass(frozen=True)
class Plan:
    """One partition's part: the missing numbers, those the hub can still give, those it cannot, and the unread tail."""

    standing: store.Standing
    wanted: Ranges
    readable: Ranges
    expired: Ranges
    unread: Ranges


def plan_replay(
    wish: Wish, standings: Sequence[store.Standing], gaps: Sequence[store.GapRecord], states: HubStates
) -> list[Plan]:
    """One plan per partition something is missing or unread of. Raises ReplayRefused for what cannot be read as asked.

    Numbers beyond our own head are read only where they are named: a stream that runs will take them, and one whose
    checkpoint was moved past them will not. From here nobody can tell which.
    """
    chosen = [
        each
        for each in standings
        if wish.stream in (None, each.stream) and wish.partition_id in (None, each.partition_id)
    ]
    if not chosen and (wish.stream is not None or wish.partition_id is not None):
        raise ReplayRefused(
            f"nothing was received of {wish.stream or 'any stream'} {wish.partition_id or ''}".strip()
        )
    if wish.ranges is not None and len(chosen) != 1:
        raise ReplayRefused("ranges belong to one stream and one partition; name both")
    plans = [_plan(wish, each, gaps, states) for each in chosen]
    return [plan for plan in plans if plan.wanted or plan.unread]


def wish_name(wish: Wish) -> str:
    """What a replay is about, as the audit record names it."""
    return "/".join(each for each in (wish.stream or "all", wish.partition_id) if each is not None)


def replay_body(plans: Sequence[Plan]) -> dict[str, object]:
    """What a replay is to read. The numbers may be many ranges, so each partition's are counted and bounded."""
    wanted = [each for each in plans if each.wanted]
    return {
        "events": sum(count(each.wanted) for each in wanted),
        "partitions": len(wanted),
        "begins": [_told(each) for each in wanted[:PARTITIONS_KEPT_MAX]],
    }


def _told(plan: Plan) -> dict[str, object]:
    standing, wanted = plan.standing, plan.wanted
    return {
        "hub": standing.hub,
        "generation": standing.generation,
        "partition_id": standing.partition_id,
        "events": count(wanted),
        "expired_events": count(plan.expired),
        "first_number": wanted[0][0],
        "last_number": wanted[-1][1],
        "ranges": [list(each) for each in wanted[:RANGES_KEPT_MAX]],
        "ranges_total": len(wanted),
    }


def _plan(wish: Wish, standing: store.Standing, gaps: Sequence[store.GapRecord], states: HubStates) -> Plan:
    state = states.get(standing.hub)
    if state is None or state.created_at != standing.hub_created_at:
        raise ReplayRefused(f"hub {standing.hub} is not the one these numbers were given by, or not told yet")
    told = next((each for each in state.partitions if each.partition_id == standing.partition_id), None)
    readable = readable_from(standing, states)
    held = _held(told)
    if wish.ranges is not None:
        wanted = without(below(wish.ranges, _head(standing, told) + 1), standing.received)
    else:
        wanted = _missing(standing, gaps, readable)
    gone = () if readable is None else below(wanted, readable)
    tail = () if standing.high_water is None else without(held, ((0, standing.high_water),))
    return Plan(standing, wanted, common(wanted, held), gone, tail)


def _held(told: PartitionState | None) -> Ranges:
    if told is None or told.first_sequence_number is None or told.last_sequence_number is None:
        return ()
    return ((told.first_sequence_number, told.last_sequence_number),)


def _head(standing: store.Standing, told: PartitionState | None) -> int:
    """The highest number ever given in the partition, as far as we or the hub know; -1 when there is none."""
    own = -1 if standing.high_water is None else standing.high_water
    following = None if told is None else told.next_sequence_number
    last = None if told is None else told.last_sequence_number
    return max(own, -1 if last is None else last, -1 if following is None else following - 1)


def _missing(standing: store.Standing, gaps: Sequence[store.GapRecord], readable: int | None) -> Ranges:
    """What open gaps miss, and the holes not on record yet."""
    mine = [each.gap for each in gaps if each.gap.position_id == standing.position_id]
    recorded = joined((gap.first_number, gap.last_number) for gap in mine)
    open_gaps = [gap for gap in mine if gap.state is GapState.OPEN]
    missing = [settled(gap, standing.received, None).missing for gap in open_gaps]
    new = without(holes(standing.received, readable), recorded)
    return joined((*(each for ranges in missing for each in ranges), *new))
