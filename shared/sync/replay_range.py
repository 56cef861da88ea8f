"""Range replay: missing sequence numbers are read from the hub again and go through the same ingest.

The events come through a consumer group of their own, because while the stream reads with an epoch nobody else may
read in its group; they are credited to the stream's group, with the numbers, times and properties they have. Each
batch is a transaction of its own, and only missing numbers are taken: killed at any point and started again, the
replay goes on where it was.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from sqlalchemy import Connection

from shared.adapters.hub_events import HubEvent
from shared.audit.model import Action
from shared.runtime import Runtime
from shared.spine.all_sites import require_all_sites
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Effect
from shared.sync.events.contract import Stream
from shared.sync.ingest_events import ingest_events
from shared.sync.loss import store
from shared.sync.loss.errors import DecisionIncomplete
from shared.sync.loss.find_gaps import find_gaps
from shared.sync.loss.look import HubStates, ask_hubs
from shared.sync.loss.model import Ranges, Replayed, Wish, count, stretches, within
from shared.sync.loss.plan_replay import Plan, replay_body, wish_name
from shared.sync.model import Event, EventBatch
from shared.sync.rejects.model import is_writable
from shared.sync.replay_account import HUBS_SECONDS_MAX, account_of, plans_of, refuse_unknown

READ_SECONDS_MAX = 30.0
# What lies between two missing ranges is read over rather than opening the hub anew.
READ_OVER_EVENTS_MAX = 2_000
# Told after each batch: stream, partition, events taken so far, and how many there are to take.
OnTaken = Callable[[str, str, int, int], None]


def _tell_nobody(_stream: str, _partition_id: str, _taken: int, _all: int) -> None:
    return None


def replay_range(
    runtime: Runtime, context: Context, wish: Wish, reason: str, *, on_taken: OnTaken = _tell_nobody
) -> list[Replayed]:
    """Read again what is missing and wished for; one account per partition.

    Raises RequestInvalid and DecisionIncomplete for a reason that is none, NotAllowed: a hub is of all sites;
    HubUnreachable, DatabaseUnavailable, ReplayRefused, or what the ingest raises; what was taken stays.
    """
    states = ask_hubs(runtime, HUBS_SECONDS_MAX, wish.stream)
    plans = _begin(runtime, context, wish, reason, states)
    taken = [_read_again(runtime, plan, on_taken) for plan in plans]
    states = ask_hubs(runtime, HUBS_SECONDS_MAX, wish.stream)
    group = runtime.settings.event_consumer_group
    with runtime.database.transaction() as connection:
        find_gaps(connection, group, states, runtime.clock.now())
        received = {each.position_id: each.received for each in store.list_standings(connection, group)}
    return [
        account_of(plan, counts, received[plan.standing.position_id])
        for plan, counts in zip(plans, taken, strict=True)
    ]


def _begin(runtime: Runtime, context: Context, wish: Wish, reason: str, states: HubStates) -> Sequence[Plan]:
    """What is to be read. Every hole is on record first, and so is who reads and why."""
    begun: list[Plan] = []

    def act(connection: Connection, now: datetime) -> Effect:
        require_all_sites(context)
        if not is_writable(reason):
            raise DecisionIncomplete("write the reason in one line of printable text")
        refuse_unknown(states)
        find_gaps(connection, runtime.settings.event_consumer_group, states, now)
        begun.extend(plans_of(connection, runtime.settings, wish, states))
        for plan in (each for each in begun if each.wanted):
            position_id, who = plan.standing.position_id, context.caller.actor
            store.note_replay(connection, position_id, plan.wanted, who, reason.strip(), now)
        told = replay_body(begun)
        return Effect(body=told, after=told)

    command = Command(
        action=Action.RANGE_REPLAY, target_type="event_range", target_id=wish_name(wish), reason=reason
    )
    run_command(runtime, context, command, act)
    return begun


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
