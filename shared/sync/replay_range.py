"""Range replay: missing sequence numbers are read from the hub again and go through the same ingest.

The events come through a consumer group of their own, because while the stream reads with an epoch nobody else may
read in its group; they are credited to the stream's group, with the numbers, times and properties they have. Each
batch is a transaction of its own, and only missing numbers are taken: killed at any point and started again, the
replay goes on where it was.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from shared.adapters.event_hubs import HubUnreachable
from shared.adapters.hub_events import HubEvent
from shared.runtime import Runtime
from shared.sync.events.contract import Stream
from shared.sync.ingest_events import ingest_events
from shared.sync.loss import store
from shared.sync.loss.errors import DecisionIncomplete
from shared.sync.loss.find_gaps import find_gaps
from shared.sync.loss.look import HubStates, ask_hubs, present
from shared.sync.loss.model import Ranges, Wish, count, stretches, within, without
from shared.sync.loss.plan_replay import Plan, plan_replay
from shared.sync.model import Event, EventBatch
from shared.sync.rejects.model import is_writable

HUBS_SECONDS_MAX = 15.0
READ_SECONDS_MAX = 30.0
# What lies between two missing ranges is read over rather than opening the hub anew.
READ_OVER_EVENTS_MAX = 2_000
# Told after each batch: stream, partition, events taken so far, and how many there are to take.
OnTaken = Callable[[str, str, int, int], None]


def _tell_nobody(_stream: str, _partition_id: str, _taken: int, _all: int) -> None:
    return None


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


def replay_range(
    runtime: Runtime, wish: Wish, *, dry_run: bool, on_taken: OnTaken = _tell_nobody
) -> list[Replayed]:
    """Read again what is missing and wished for; one account per partition. A dry run only says what it would read.

    Raises DecisionIncomplete, HubUnreachable, DatabaseUnavailable, ReplayRefused, or what the ingest raises; what was
    taken stays.
    """
    if not (is_writable(wish.who) and is_writable(wish.reason or "")):
        raise DecisionIncomplete("write the reason and the name in one line of printable text")
    states = ask_hubs(runtime, HUBS_SECONDS_MAX, wish.stream)
    plans = _plans(runtime, wish, states, dry_run=dry_run)
    if dry_run:
        return [_account(plan, Counter(), plan.standing.received) for plan in plans]
    taken = [_read_again(runtime, plan, on_taken) for plan in plans]
    states = ask_hubs(runtime, HUBS_SECONDS_MAX, wish.stream)
    group = runtime.settings.event_consumer_group
    with runtime.database.transaction() as connection:
        find_gaps(connection, group, states, runtime.clock.now())
        received = {each.position_id: each.received for each in store.list_standings(connection, group)}
    return [
        _account(plan, counts, received[plan.standing.position_id])
        for plan, counts in zip(plans, taken, strict=True)
    ]


def _plans(runtime: Runtime, wish: Wish, states: HubStates, *, dry_run: bool) -> list[Plan]:
    """What is to be read; unless it is a dry run, every hole is on record first, and so is who reads and why."""
    if unknown := sorted(hub for hub, state in states.items() if state is None):
        raise HubUnreachable(f"hub {', '.join(unknown)}: no answer")
    settings, now = runtime.settings, runtime.clock.now()
    group = settings.event_consumer_group
    with runtime.database.reading() if dry_run else runtime.database.transaction() as connection:
        if not dry_run:
            find_gaps(connection, group, states, now)
        standings = present(settings, store.list_standings(connection, group))
        plans = plan_replay(wish, standings, store.list_gaps(connection, group), states)
        for plan in (each for each in plans if each.wanted and not dry_run):
            store.note_replay(connection, plan.standing.position_id, plan.wanted, wish.who, wish.reason, now)
    return plans


def _read_again(runtime: Runtime, plan: Plan, on_taken: OnTaken) -> Counter[str]:
    counts: Counter[str] = Counter()
    taken, standing = 0, plan.standing
    for run in stretches(plan.readable, READ_OVER_EVENTS_MAX):
        for events in _missing_events(runtime, standing, run):
            for result in ingest_events(runtime, [_batch(runtime, standing, events)]):
                counts.update({outcome.value: number for outcome, number in result.events.items() if number})
                counts["redelivered"] += result.redelivered
            taken += len(events)
            on_taken(standing.stream, standing.partition_id, taken, count(plan.readable))
    return +counts


def _missing_events(runtime: Runtime, standing: store.Standing, run: Ranges) -> Iterator[list[HubEvent]]:
    """The events of these numbers, in batches; what the hub drops meanwhile does not come."""
    with runtime.hubs.read(standing.hub, standing.partition_id, run[0][0], READ_SECONDS_MAX) as batches:
        for events in batches:
            if wanted := [each for each in events if within(run, each.sequence_number)]:
                yield wanted
            if events[-1].sequence_number >= run[-1][1]:
                return


def _batch(runtime: Runtime, standing: store.Standing, events: Sequence[HubEvent]) -> EventBatch:
    """As the stream itself would have taken them: in its consumer group's name."""
    stream: Stream = "ledger" if standing.stream == "ledger" else "payment_order"
    taken = [
        Event(e.body, e.sequence_number, e.enqueued_at, e.offset, e.partition_key, e.properties)
        for e in events
    ]
    group = runtime.settings.event_consumer_group
    return EventBatch(stream, standing.hub, group, standing.partition_id, taken)


def _account(plan: Plan, counts: Counter[str], received: Ranges) -> Replayed:
    standing = plan.standing
    place = (standing.stream, standing.hub, standing.partition_id)
    missing, unread = without(plan.wanted, received), without(plan.unread, received)
    return Replayed(*place, plan.wanted, plan.expired, dict(counts), missing, unread)
