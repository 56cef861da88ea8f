"""Lost events told in few words: what the broker holds, what was received, which gaps stand."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import psycopg

from shared.adapters.event_hubs import PartitionState
from shared.adapters.hub_events import HubEvent
from shared.runtime import Runtime
from tests.support.runtime import NOON, StandingClock, ToldHubs
from tests.support.sync_events import HUBS, Sent, ingest, ledger_body

Owner = psycopg.Connection[Any]
HUB = HUBS["ledger"]
MADE = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


def told_hubs(runtime: Runtime) -> ToldHubs:
    """The broker of a test's runtime."""
    assert isinstance(runtime.hubs, ToldHubs)
    return runtime.hubs


def clock_of(runtime: Runtime) -> StandingClock:
    """The clock of a test's runtime."""
    assert isinstance(runtime.clock, StandingClock)
    return runtime.clock


def enqueued(number: int) -> datetime:
    """When the hub took an event: in the order of the numbers, a second apart."""
    return NOON + timedelta(seconds=number)


def body_of(number: int, **fields: Any) -> dict[str, Any]:
    """The event with that number is of an entry of its own."""
    return ledger_body(f"t-{number}", related_id=f"o-{number}", **fields)


def take(runtime: Runtime, numbers: Iterable[int], partition_id: str = "0") -> None:
    """Let the stream receive these numbers in one batch."""
    ingest(runtime, *sent_of(numbers, partition_id))


def sent_of(numbers: Iterable[int], partition_id: str = "0") -> list[Sent]:
    """The events of these numbers."""
    return [Sent("ledger", number, body_of(number), partition_id) for number in numbers]


def hold(
    runtime: Runtime, first: int, last: int, partition_id: str = "0", *, others: Iterable[PartitionState] = ()
) -> None:
    """Let the hub hold the events of these numbers, all that are gone before them included in its numbering."""
    hubs = told_hubs(runtime)
    is_empty = first > last
    hubs.states[HUB] = [
        PartitionState(
            partition_id,
            None if is_empty else first,
            None if is_empty else last,
            None if is_empty else enqueued(last),
            last + 1,
        ),
        *others,
    ]
    hubs.events[HUB, partition_id] = [event_of(number) for number in range(first, last + 1)]


def event_of(number: int) -> HubEvent:
    """The event as the hub gives it when it is read again."""
    body = json.dumps(body_of(number)).encode()
    return HubEvent(body, number, enqueued(number), str(number * 64), "key", {})


def gaps(owner: Owner) -> list[tuple[int, int, str, str, str]]:
    """First and last number, missing and expired ranges, state."""
    return owner.execute(
        "SELECT first_number, last_number, missing::text, expired::text, state FROM sequence_gaps"
        " ORDER BY position_id, first_number"
    ).fetchall()


def alerts(owner: Owner, code: str) -> list[dict[str, Any]]:
    """What the alerts of a code say, in the order in which they were raised."""
    rows = owner.execute(
        "SELECT payload FROM outbox WHERE kind = 'ALERT' AND payload ->> 'code' = %s ORDER BY outbox_id",
        [code],
    ).fetchall()
    return [row[0] for row in rows]


def received(owner: Owner) -> list[str]:
    """The ranges received, by partition."""
    rows = owner.execute("SELECT received::text FROM stream_positions ORDER BY position_id").fetchall()
    return [row[0] for row in rows]
