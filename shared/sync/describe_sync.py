"""How the sync stands: per stream and partition what was received, what is missing, how late and how fresh it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.runtime import Runtime
from shared.settings import Settings
from shared.spine.model import Context
from shared.spine.reads import recorded_read
from shared.sync.loss import store
from shared.sync.loss.look import (
    HubStates,
    ask_hubs,
    believed,
    extent_of,
    hub_names,
    partitions_of,
    readable_from,
)
from shared.sync.loss.model import (
    Extent,
    GapState,
    Partition,
    Ranges,
    beside,
    count,
    holes,
    joined,
    settled,
    unread,
    without,
)

GAPS_SHOWN_MAX = 100
# What somebody has to decide comes first.
_ORDER = (GapState.OPEN, GapState.EXPIRED, GapState.ACCEPTED, GapState.CLOSED)


@dataclass(frozen=True)
class GapStatus:
    """A gap as it is at this moment; `gap_id` is null until the watch has recorded it. Ranges hold both ends."""

    gap_id: int | None
    state: str
    first_number: int
    last_number: int
    missing: Ranges
    expired: Ranges
    found_at: datetime | None = None
    closed_at: datetime | None = None
    accepted_at: datetime | None = None
    accepted_by: str | None = None
    accepted_reason: str | None = None
    replayed_at: datetime | None = None
    replayed_by: str | None = None


@dataclass(frozen=True)
class PartitionStatus:
    """One partition of one generation. Null is unknown: a hub that could not be asked, an event that never came.

    `hub_head_told` is what the hub said at `hub_asked_at`, now or to the watch; since then it can only have grown, so
    `lag_events_at_least` is a lower bound. `lag_seconds` is a distance between two events and not a waiting time.
    """

    stream: str
    hub: str
    partition: str
    generation: int | None
    hub_created_at: datetime | None
    received: int
    applied: int
    superseded: int
    duplicate: int
    dead_lettered: int
    redelivered: int
    first_number: int | None
    head: int | None
    hub_head: int | None
    gaps: Sequence[GapStatus]
    gaps_total: int
    missing_events: int
    lag_events: int | None
    lag_events_at_least: int | None
    hub_head_told: int | None
    hub_asked_at: datetime | None
    lag_seconds: float | None
    freshness_seconds: float | None
    newest_enqueued_at: datetime | None
    newest_event_at: datetime | None


@dataclass(frozen=True)
class SyncStatus:
    """Today's hubs by partition, and of earlier generations the partitions that have gaps.

    Of `unknown_streams` not even the partitions are known: never read, and the hub tells of none.
    """

    as_of: datetime
    partitions: Sequence[PartitionStatus]
    earlier_generations: Sequence[PartitionStatus]
    unknown_streams: Sequence[str]


def describe_sync(runtime: Runtime, context: Context, hubs_seconds_max: float) -> SyncStatus:
    """Read what we hold in one snapshot, then ask the hubs, which have that long to answer.

    A hub carries the events of all sites, so its numbers belong to none and are shown to everybody who may look up.
    What a person wrote or did about a gap may speak of any site: only who sees all of them reads it.
    Raises DatabaseUnavailable; a hub that does not answer makes its lag unknown.
    """
    settings = runtime.settings
    with recorded_read(runtime, context) as reading:
        connection = reading.connection
        standings = store.list_standings(connection, settings.event_consumer_group)
        gaps = store.list_gaps(connection, settings.event_consumer_group, GAPS_SHOWN_MAX)
        told = store.list_told_extents(connection, settings.event_consumer_group)
        known = {hub: store.fetch_current_generation(connection, hub) for hub in hub_names(settings).values()}
        reading.count = len(standings)
    if not context.scope.everything:
        gaps = [_without_persons(each) for each in gaps]
    states = believed(ask_hubs(runtime, hubs_seconds_max), known)
    now = runtime.clock.now()
    told |= _told_now(states, known, now)
    generations = {hub: each.generation for hub, each in known.items() if each is not None}
    by_place = {(each.hub, each.generation, each.partition_id): each for each in standings}
    today = []
    for partition in partitions_of(settings, standings, states, generations):
        standing = by_place.pop((partition.hub, partition.generation, partition.partition_id), None)
        place = store.Place(partition.hub, partition.generation, partition.partition_id)
        found = _gaps_of(standing, gaps, states)
        today.append(
            _status(standing or _unread(partition, known), found, now, partition.extent, told.get(place))
        )
    today += _not_registered(settings, states, known, now)
    earlier = [(each, _gaps_of(each, gaps, states)) for each in by_place.values()]
    unknown = sorted(set(hub_names(settings)) - {each.stream for each in today})
    return SyncStatus(now, today, [_status(each, found, now) for each, found in earlier if found], unknown)


def _without_persons(record: store.GapRecord) -> store.GapRecord:
    return record._replace(accepted_by=None, accepted_reason=None, replayed_by=None)


def _told_now(
    states: HubStates, known: Mapping[str, store.Generation | None], now: datetime
) -> dict[store.Place, store.ToldExtent]:
    """What the hubs we know said to this very question."""
    return {
        store.Place(hub, generation.generation, each.partition_id): store.ToldExtent(extent_of(each), now)
        for hub, state in states.items()
        if state is not None and (generation := known[hub]) is not None
        for each in state.partitions
    }


def _not_registered(
    settings: Settings, states: HubStates, known: Mapping[str, store.Generation | None], now: datetime
) -> list[PartitionStatus]:
    """The partitions of a hub that answers, and that neither a stream nor the watch has registered yet."""
    found = []
    for stream, hub in hub_names(settings).items():
        if (state := states[hub]) is None or known[hub] is not None:
            continue
        for each in state.partitions:
            standing = _nothing_read(stream, hub, 0, each.partition_id, state.created_at)
            told = store.ToldExtent(extent_of(each), now)
            found.append(replace(_status(standing, [], now, told.extent, told), generation=None))
    return found


def _gaps_of(
    standing: store.Standing | None, records: Sequence[store.GapRecord], states: HubStates
) -> list[GapStatus]:
    """The gaps of a partition as they are now, and the holes the watch has not recorded yet."""
    if standing is None:
        return []
    readable = readable_from(standing, states)
    mine = [each for each in records if each.gap.position_id == standing.position_id]
    recorded = joined((each.gap.first_number, each.gap.last_number) for each in mine)
    found = [_recorded(each, beside(each.gap, standing.received), readable) for each in mine]
    for hole in without(holes(standing.received, readable), recorded):
        is_gone = readable is not None and hole[1] < readable
        state = GapState.EXPIRED if is_gone else GapState.OPEN
        found.append(GapStatus(None, state, *hole, (hole,), (hole,) if is_gone else ()))
    return sorted(found, key=lambda gap: (_ORDER.index(GapState(gap.state)), -gap.first_number))


def _recorded(record: store.GapRecord, received: Ranges, readable: int | None) -> GapStatus:
    gap = settled(record.gap, received, readable)
    return GapStatus(
        gap_id=gap.gap_id,
        state=gap.state,
        first_number=gap.first_number,
        last_number=gap.last_number,
        missing=gap.missing,
        expired=gap.expired,
        found_at=record.found_at,
        closed_at=record.closed_at,
        accepted_at=record.accepted_at,
        accepted_by=record.accepted_by,
        accepted_reason=record.accepted_reason,
        replayed_at=record.replayed_at,
        replayed_by=record.replayed_by,
    )


def _unread(partition: Partition, known: Mapping[str, store.Generation | None]) -> store.Standing:
    """A partition of a hub we know that nothing was taken of yet."""
    generation = known[partition.hub]
    assert generation is not None, "its partitions were listed by its generation"
    place = (partition.stream, partition.hub, partition.generation, partition.partition_id)
    return _nothing_read(*place, generation.hub_created_at)


def _nothing_read(
    stream: str, hub: str, generation: int, partition_id: str, made: datetime
) -> store.Standing:
    place = (0, stream, hub, generation, partition_id)
    return store.Standing(*place, (), None, None, 0, 0, 0, 0, 0, made, is_current=True)


def _status(
    standing: store.Standing,
    gaps: Sequence[GapStatus],
    now: datetime,
    extent: Extent | None = None,
    told: store.ToldExtent | None = None,
) -> PartitionStatus:
    """`extent` is what the hub says now, `told` what it said last."""
    last = standing.last_enqueued_at
    waiting = unread(standing.high_water, extent) if extent else None
    open_gaps = [gap for gap in gaps if gap.state in (GapState.OPEN, GapState.EXPIRED)]
    return PartitionStatus(
        stream=standing.stream,
        hub=standing.hub,
        partition=standing.partition_id,
        generation=standing.generation,
        hub_created_at=standing.hub_created_at,
        received=count(standing.received),
        applied=standing.applied,
        superseded=standing.superseded,
        duplicate=standing.duplicate,
        dead_lettered=standing.dead_lettered,
        redelivered=standing.redelivered,
        first_number=standing.received[0][0] if standing.received else None,
        head=standing.high_water,
        hub_head=extent.last if extent else None,
        gaps=gaps[:GAPS_SHOWN_MAX],
        gaps_total=len(gaps),
        missing_events=sum(count(gap.missing) for gap in open_gaps),
        lag_events=waiting,
        lag_events_at_least=unread(standing.high_water, told.extent) if told else None,
        hub_head_told=told.extent.last if told else None,
        hub_asked_at=told.asked_at if told else None,
        lag_seconds=_lag_seconds(waiting, last, extent),
        freshness_seconds=None if last is None else max(0.0, (now - last).total_seconds()),
        newest_enqueued_at=last,
        newest_event_at=standing.newest_event_at,
    )


def _lag_seconds(waiting: int | None, ours: datetime | None, extent: Extent | None) -> float | None:
    """How much later the hub's newest event was sent than our newest; 0 where nothing is unread.

    After a quiet hour one new event makes it an hour, and while the hub gets nothing new it does not grow.
    """
    if waiting == 0:
        return 0.0
    theirs = extent.last_enqueued_at if extent else None
    return None if ours is None or theirs is None else max(0.0, (theirs - ours).total_seconds())
