"""A partition is held by a flood only while nothing at or past it was received, in the hub's present generation."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest
from msgspec import structs

from shared.runtime import Runtime
from shared.sync.accept_gap import accept_gap
from shared.sync.errors import RejectFlood
from shared.sync.loss.model import Wish
from shared.sync.rejects.list_ceilings import list_ceilings
from shared.sync.replay_range import replay_range
from shared.sync.watch_sync import watch_sync
from tests.support.callers import operating
from tests.support.floods import alerts, batch
from tests.support.lookups import looking
from tests.support.loss import HUB, hold, take, told_hubs
from tests.support.sync_events import ingest

Owner = psycopg.Connection[Any]
ADA = operating("ada")


def held(runtime: Runtime) -> list[int]:
    return [flood["first_sequence_number"] for flood in list_ceilings(runtime, looking()).held]


def lose_a_flood(runtime: Runtime) -> None:
    """Numbers 5 to 24 are missing, and bad in the hub."""
    take(runtime, range(5))
    take(runtime, range(25, 30))
    hold(runtime, 0, 29)
    hub = told_hubs(runtime)
    spoilt = [
        replace(event, body=b"{}") if 5 <= event.sequence_number < 25 else event
        for event in hub.events[HUB, "0"]
    ]
    hub.events[HUB, "0"] = spoilt
    watch_sync(runtime)


def test_a_flood_met_by_a_range_replay_holds_nothing(runtime: Runtime, owner: Owner) -> None:
    lose_a_flood(runtime)
    # The broker of the test gives two events at a time.
    strict = replace(runtime, settings=structs.replace(runtime.settings, event_reject_batch_min=2))
    with pytest.raises(RejectFlood):
        replay_range(strict, ADA, Wish(), "the host lost a batch")
    (told,) = alerts(owner)
    assert (told["first_sequence_number"], told["inside_gap"]) == (5, True)
    assert held(runtime) == []
    ((gap_id,),) = owner.execute("SELECT gap_id FROM sequence_gaps").fetchall()
    accept_gap(runtime, ADA, gap_id, "bad for good")
    assert held(runtime) == []


@pytest.mark.parametrize("before", [0, 5])
def test_a_flood_holds_its_partition_until_the_stream_goes_past_it(
    runtime: Runtime, owner: Owner, before: int
) -> None:
    if before:
        take(runtime, range(before))
    with pytest.raises(RejectFlood):
        ingest(runtime, *batch(5, 20, 0))
    assert [told["inside_gap"] for told in alerts(owner)] == [False]
    assert held(runtime) == [5]
    take(runtime, range(25, 30))
    assert held(runtime) == []


def test_a_stream_set_back_into_an_old_hole_is_held_until_it_goes_past(runtime: Runtime) -> None:
    take(runtime, range(5))
    take(runtime, range(10, 20))
    with pytest.raises(RejectFlood):
        ingest(runtime, *batch(5, 30, 0))
    assert held(runtime) == [5]
    take(runtime, range(35, 40))
    assert held(runtime) == []


def test_the_present_generation_is_the_one_seen_last(runtime: Runtime, owner: Owner) -> None:
    take(runtime, range(5))
    with pytest.raises(RejectFlood):
        ingest(runtime, *batch(5, 20, 0))
    owner.execute(
        "INSERT INTO hub_generations (hub, generation, hub_created_at, seen_at)"
        " SELECT hub, 2, hub_created_at + interval '1 day', seen_at - interval '1 hour' FROM hub_generations"
        " WHERE hub = %s",
        (HUB,),
    )
    assert held(runtime) == [5]
    owner.execute("UPDATE hub_generations SET seen_at = seen_at + interval '2 hours' WHERE generation = 2")
    assert held(runtime) == []
