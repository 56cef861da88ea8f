"""Watch how far every partition is: stalls, and unread events on their way to expiry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.adapters.event_hubs import HubUnreachable
from shared.alerts.store import insert_outbox, was_told
from shared.runtime import Runtime
from shared.settings import Settings
from shared.sync.loss import store
from shared.sync.loss.errors import RetentionRisk, Stalled
from shared.sync.loss.model import (
    Head,
    Partition,
    UnreadAge,
    is_at_risk,
    is_stalled,
    next_head,
    unread,
    unread_age,
)

# How long the watch waits for the one event whose time decides.
READ_SECONDS_MAX = 3.0
SECONDS_PER_HOUR = 3600.0
# When the oldest unread event of a partition was enqueued, as the hub's own event of that number says.
UnreadTimes = Mapping[tuple[store.Place, int | None], datetime]


@dataclass
class HeadsSeen:
    """What one look found: partitions that stand still, at risk, and of which neither yes nor no is known."""

    stalled: list[Partition] = field(default_factory=list)
    at_risk: list[Partition] = field(default_factory=list)
    unknown: list[Partition] = field(default_factory=list)


def place_of(partition: Partition) -> store.Place:
    """Where its head is kept."""
    return store.Place(partition.hub, partition.generation, partition.partition_id)


def risk_seconds(settings: Settings) -> float:
    """At half of the hub's retention an unread event is at risk."""
    return settings.event_retention_hours * SECONDS_PER_HOUR / 2


def read_unread_times(
    runtime: Runtime, partitions: Sequence[Partition], heads: Mapping[store.Place, Head], now: datetime
) -> UnreadTimes:
    """Where numbers alone do not decide the risk, read the event in question, outside any transaction.

    A hub that does not let itself be read is not asked again in this look; the risk stays unknown there.
    """
    limit, mute = risk_seconds(runtime.settings), set[str]()
    found: dict[tuple[store.Place, int | None], datetime] = {}
    for each in partitions:
        head = next_head(heads.get(place_of(each)), each.own, each.extent, now)
        first = each.first_unread
        if first is None or each.hub in mute or _risk(each, head, {}, limit, now) is not None:
            continue
        try:
            with runtime.hubs.read(each.hub, each.partition_id, first, READ_SECONDS_MAX) as batches:
                found[place_of(each), first] = next(batches)[0].enqueued_at
        except HubUnreachable:
            mute.add(each.hub)
    return found


def watch_heads(
    connection: Connection,
    settings: Settings,
    partitions: Sequence[Partition],
    times: UnreadTimes,
    now: datetime,
) -> HeadsSeen:
    """Keep where every partition stands; one alert per stall, and one per partition in half a retention at risk."""
    seen, limit = HeadsSeen(), risk_seconds(settings)
    before = store.list_heads(connection, settings.event_consumer_group)
    heads = {}
    for each in partitions:
        place = place_of(each)
        head = next_head(before.get(place), each.own, each.extent, now)
        heads[place] = (head, each.extent)
        if is_stalled(head, settings.watch_stall_seconds, now):
            seen.stalled.append(each)
            since = head.behind_since.timestamp() if head.behind_since else 0.0
            _tell(connection, _key(Stalled.code, each), f"{each.own}:{since:.0f}", each, head, now)
        risk = _risk(each, head, times, limit, now)
        if risk is None:
            seen.unknown.append(each)
        elif risk:
            seen.at_risk.append(each)
            key = _key(RetentionRisk.code, each)
            if not was_told(connection, key, now - timedelta(seconds=limit)):
                _tell(connection, key, f"{now.timestamp():.0f}", each, head, now, times)
    store.upsert_heads(connection, settings.event_consumer_group, heads, now)
    return seen


def _risk(each: Partition, head: Head, times: UnreadTimes, limit: float, now: datetime) -> bool | None:
    if each.extent is None:
        return None
    age = _age(each, head, times, now)
    risk = False if age is None else is_at_risk(age, limit)
    # Numbers say nothing of how old an event in a gap is; it must be read.
    is_told = (place_of(each), each.first_unread) in times
    return risk if risk or is_told or not each.is_gap_readable else None


def _age(each: Partition, head: Head, times: UnreadTimes, now: datetime) -> UnreadAge | None:
    if each.extent is None:
        return None
    if (told := times.get((place_of(each), each.first_unread))) is not None:
        seconds = max(0.0, (now - told).total_seconds())
        return UnreadAge(seconds, seconds)
    return unread_age(head, each.extent, each.last_enqueued_at, now)


def _key(code: str, each: Partition) -> str:
    return f"{code}:{each.hub}:{each.generation}:{each.partition_id}:"


def _tell(
    connection: Connection,
    key: str,
    episode: str,
    each: Partition,
    head: Head,
    now: datetime,
    times: UnreadTimes | None = None,
) -> None:
    age = _age(each, head, times or {}, now)
    payload = {
        "code": key.partition(":")[0],
        "stream": each.stream,
        "hub": each.hub,
        "generation": each.generation,
        "partition_id": each.partition_id,
        "own_number": each.own,
        "first_unread_number": each.first_unread,
        "unread_events": unread(each.own, each.extent) if each.extent else None,
        "behind_since": head.behind_since,
        "oldest_unread_seconds_min": age.at_least if age else None,
        "oldest_unread_seconds_max": age.at_most if age else None,
        "at": now,
    }
    insert_outbox(connection, "ALERT", key + episode, payload, now)
