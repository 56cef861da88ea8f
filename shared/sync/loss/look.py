"""A look at all partitions at once: what the hubs say beside what we hold."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from shared.adapters.event_hubs import HubState, PartitionState
from shared.runtime import Runtime
from shared.settings import Settings
from shared.sync.events.contract import Stream
from shared.sync.loss.model import Extent, Partition
from shared.sync.loss.store import Generation, Standing

# What every hub said, by its name; None: it could not be asked.
HubStates = Mapping[str, HubState | None]


def hub_names(settings: Settings) -> dict[Stream, str]:
    """Each stream's hub."""
    return {"ledger": settings.ledger_hub_name, "payment_order": settings.payment_order_hub_name}


def ask_hubs(runtime: Runtime, seconds_max: float, stream: str | None = None) -> HubStates:
    """Ask the stream's hub, or all at once, outside any transaction; what is not known in time is unknown."""
    hubs = [hub for name, hub in hub_names(runtime.settings).items() if stream in (None, name)]
    return runtime.hubs.describe(hubs, seconds_max)


def states_by_stream(settings: Settings, states: HubStates) -> dict[str, Sequence[PartitionState] | None]:
    """The partitions each stream's hub told of."""
    told = {stream: states[hub] for stream, hub in hub_names(settings).items()}
    return {stream: None if state is None else state.partitions for stream, state in told.items()}


def present(settings: Settings, standings: Sequence[Standing]) -> list[Standing]:
    """Of all that was ever read, the partitions of today's hubs as they are now."""
    hubs = hub_names(settings)
    return [each for each in standings if each.is_current and hubs.get(_stream(each.stream)) == each.hub]


def _stream(name: str) -> Stream:
    return "ledger" if name == "ledger" else "payment_order"


def readable_from(standing: Standing, states: HubStates) -> int | None:
    """The lowest number the hub can still give of a partition; None when it did not say, or is another hub now."""
    state = states.get(standing.hub)
    if state is None or state.created_at != standing.hub_created_at:
        return None
    told = {each.partition_id: each.readable_from for each in state.partitions}
    return told.get(standing.partition_id)


def believed(states: HubStates, known: Mapping[str, Generation | None]) -> HubStates:
    """What a hub says counts only for the generation we know it by, if we know one; of another one it is unknown."""
    created = {hub: None if each is None else each.hub_created_at for hub, each in known.items()}
    return {
        hub: state if state is not None and created[hub] in (None, state.created_at) else None
        for hub, state in states.items()
    }


def partitions_of(
    settings: Settings,
    standings: Sequence[Standing],
    states: HubStates,
    generations: Mapping[str, int],
    oldest_missing: Mapping[int, int] = MappingProxyType({}),
) -> list[Partition]:
    """Every partition we read or the hub told of; `generations` is what each hub is at present, if known.

    `oldest_missing` gives, by position, the lowest readable number of its open gaps.
    """
    held = {(each.hub, each.partition_id): each for each in present(settings, standings)}
    found = []
    for stream, hub in hub_names(settings).items():
        if (generation := generations.get(hub)) is None:
            continue
        state = states[hub]
        told = {each.partition_id: each for each in state.partitions} if state else {}
        ids = dict.fromkeys((*(partition for name, partition in held if name == hub), *told))
        for partition_id in sorted(ids, key=lambda each: (len(each), each)):
            mine = held.get((hub, partition_id))
            extent = extent_of(told[partition_id]) if partition_id in told else None
            own, last = (mine.high_water, mine.last_enqueued_at) if mine else (None, None)
            missing = oldest_missing.get(mine.position_id) if mine else None
            found.append(Partition(stream, hub, generation, partition_id, own, last, extent, missing))
    return found


def extent_of(state: PartitionState) -> Extent:
    """What the hub says it holds of a partition."""
    return Extent(state.first_sequence_number, state.last_sequence_number, state.last_enqueued_at)
