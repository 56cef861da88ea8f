"""What a range replay would read: the numbers that are missing, which of them the hub still holds, which are gone."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.sync.loss import store
from shared.sync.loss.errors import ReplayRefused
from shared.sync.loss.look import HubStates, readable_from
from shared.sync.loss.model import GapState, Ranges, Wish, below, common, holes, joined, settled, without


@dataclass(frozen=True)
class Plan:
    """One partition's part: the missing numbers, those the hub can still give, and those it cannot."""

    standing: store.Standing
    wanted: Ranges
    readable: Ranges
    expired: Ranges


def plan_replay(
    wish: Wish, standings: Sequence[store.Standing], gaps: Sequence[store.GapRecord], states: HubStates
) -> list[Plan]:
    """One plan per partition something is missing of. Raises ReplayRefused for what cannot be read as asked.

    Numbers beyond our own head are not missing: the stream will take them.
    """
    chosen = [
        each
        for each in standings
        if wish.stream in (None, each.stream) and wish.partition_id in (None, each.partition_id)
    ]
    if not chosen and (wish.stream or wish.partition_id):
        raise ReplayRefused(
            f"nothing was received of {wish.stream or 'any stream'} {wish.partition_id or ''}".strip()
        )
    if wish.ranges is not None and len(chosen) != 1:
        raise ReplayRefused("ranges belong to one stream and one partition; name both")
    plans = [_plan(wish, each, gaps, states) for each in chosen]
    return [plan for plan in plans if plan.wanted]


def _plan(wish: Wish, standing: store.Standing, gaps: Sequence[store.GapRecord], states: HubStates) -> Plan:
    state = states.get(standing.hub)
    if state is None or state.created_at != standing.hub_created_at:
        raise ReplayRefused(f"hub {standing.hub} is not the one these numbers were given by, or not told yet")
    readable = readable_from(standing, states)
    wanted = _wanted(wish, standing, gaps, readable)
    last = next(
        (p.last_sequence_number for p in state.partitions if p.partition_id == standing.partition_id), None
    )
    held: Ranges = () if readable is None or last is None else ((readable, last),)
    gone = () if readable is None else below(wanted, readable)
    return Plan(standing, wanted, common(wanted, held), gone)


def _wanted(
    wish: Wish, standing: store.Standing, gaps: Sequence[store.GapRecord], readable: int | None
) -> Ranges:
    if wish.ranges is not None:
        upto = standing.high_water
        return () if upto is None else without(below(wish.ranges, upto + 1), standing.received)
    mine = [each.gap for each in gaps if each.gap.position_id == standing.position_id]
    recorded = joined((gap.first_number, gap.last_number) for gap in mine)
    open_gaps = [gap for gap in mine if gap.state is GapState.OPEN]
    missing = [settled(gap, standing.received, None).missing for gap in open_gaps]
    new = without(holes(standing.received, readable), recorded)
    return joined((*(each for ranges in missing for each in ranges), *new))
