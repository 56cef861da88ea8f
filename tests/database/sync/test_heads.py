"""Partitions that stand still, events that will expire unread, sites that are silent, hubs that come back."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from shared.adapters.event_hubs import PartitionState
from shared.runtime import Runtime
from shared.sync.watch_sync import watch_sync
from tests.support.loss import HUB, MADE, alerts, body_of, clock_of, enqueued, hold, take, told_hubs
from tests.support.runtime import NOON
from tests.support.sync_events import HUBS, Sent, entry, ingest, order
from tests.support.sync_state import totals

Owner = psycopg.Connection[Any]
STALLED, AT_RISK, SILENT = "SYNC_STALLED", "SYNC_RETENTION_RISK", "SYNC_SILENT"


def watch_for(runtime: Runtime, minutes: int) -> None:
    """A watch every minute, the first of them now."""
    for minute in range(minutes + 1):
        watch_sync(runtime)
        if minute < minutes:
            clock_of(runtime).move(minutes=1)


def test_a_partition_that_stands_still_is_told_of_once(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [1, 2])
    hold(runtime, 0, 9)
    watch_for(runtime, 4)
    assert alerts(owner, STALLED) == []
    watch_for(runtime, 3)
    (told,) = alerts(owner, STALLED)
    assert (told["partition_id"], told["own_number"], told["first_unread_number"]) == ("0", 2, 3)
    assert told["unread_events"] == 7
    assert watch_sync(runtime).heads.stalled[0].own == 2


def test_a_partition_that_moves_on_is_not_stalled_and_may_stall_again(runtime: Runtime, owner: Owner) -> None:
    hold(runtime, 0, 99)
    for number in range(4):
        take(runtime, [number])
        watch_for(runtime, 4)
    assert alerts(owner, STALLED) == []
    watch_for(runtime, 5)
    take(runtime, [4])
    watch_for(runtime, 6)
    assert [told["own_number"] for told in alerts(owner, STALLED)] == [3, 4]


def test_a_partition_never_read_can_stall(runtime: Runtime, owner: Owner) -> None:
    hold(runtime, 0, 3)
    watch_for(runtime, 6)
    (told,) = alerts(owner, STALLED)
    assert (told["own_number"], told["first_unread_number"], told["unread_events"]) == (None, 0, 4)


def test_a_partition_that_holds_nothing_new_never_stalls(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [1, 2])
    hold(runtime, 0, 2)
    watch_for(runtime, 8)
    assert alerts(owner, STALLED) == []


def test_a_broker_that_cannot_be_asked_keeps_the_stall_and_its_numbers(
    runtime: Runtime, owner: Owner
) -> None:
    take(runtime, [1, 2])
    hold(runtime, 0, 9)
    watch_sync(runtime)
    told_hubs(runtime).reachable = False
    clock_of(runtime).move(minutes=6)
    watch_sync(runtime)
    (told,) = alerts(owner, STALLED)
    assert told["unread_events"] is None
    assert owner.execute(
        "SELECT own_number, hub_first_number, hub_last_number, behind_since, asked_at, looked_at FROM partition_heads"
    ).fetchall() == [(2, 0, 9, NOON, NOON, clock_of(runtime).now())]


def test_a_second_stall_at_the_same_number_is_told_again(runtime: Runtime, owner: Owner) -> None:
    """The hub dropped what was unread, and new events came that nobody takes either."""
    take(runtime, [1, 2])
    hold(runtime, 0, 9)
    watch_for(runtime, 8)
    hold(runtime, 10, 9)
    watch_for(runtime, 8)
    hold(runtime, 10, 12)
    watch_for(runtime, 8)
    assert len(alerts(owner, STALLED)) == 2


HALF = timedelta(hours=12)


def test_an_unread_event_at_half_of_the_retention_is_told_of(runtime: Runtime, owner: Owner) -> None:
    """The hub keeps events a day here. The event's own time decides, whatever the watch has seen before."""
    take(runtime, [1, 2])
    hold(runtime, 0, 9)
    clock_of(runtime).instant = enqueued(3) + HALF - timedelta(seconds=1)
    watch = watch_sync(runtime)
    assert (watch.heads.at_risk, watch.heads.unknown, alerts(owner, AT_RISK)) == ([], [], [])
    clock_of(runtime).move(seconds=1)
    assert len(watch_sync(runtime).heads.at_risk) == 1
    (told,) = alerts(owner, AT_RISK)
    assert (told["first_unread_number"], told["oldest_unread_seconds_min"]) == (3, HALF.total_seconds())
    watch_for(runtime, 2)
    assert len(alerts(owner, AT_RISK)) == 1
    clock_of(runtime).move(hours=12)
    watch_sync(runtime)
    assert len(alerts(owner, AT_RISK)) == 2


def test_a_new_event_after_a_long_quiet_time_is_no_risk(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [1, 2])
    clock_of(runtime).move(days=5)
    hold(runtime, 0, 4)
    late = clock_of(runtime).now() - timedelta(seconds=5)
    events = told_hubs(runtime).events[HUB, "0"]
    for index in (3, 4):
        events[index] = type(events[index])(b"{}", index, late, "0", None, {})
    told_hubs(runtime).states[HUB] = [PartitionState("0", 0, 4, late)]
    watch = watch_sync(runtime)
    assert (watch.heads.at_risk, watch.heads.unknown) == ([], [])
    assert alerts(owner, AT_RISK) == []


def test_the_risk_is_unknown_when_the_event_cannot_be_read(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [1, 2])
    hold(runtime, 0, 9)
    told_hubs(runtime).events.clear()
    clock_of(runtime).instant = enqueued(9) + HALF - timedelta(seconds=1)
    watch = watch_sync(runtime)
    assert (len(watch.heads.unknown), watch.heads.at_risk) == (1, [])
    # The newest is no younger than that: now the numbers alone prove it.
    clock_of(runtime).move(seconds=1)
    assert len(watch_sync(runtime).heads.at_risk) == 1


def test_nothing_is_at_risk_where_nothing_is_unread_and_unknown_without_a_broker(runtime: Runtime) -> None:
    take(runtime, [1, 2])
    hold(runtime, 0, 2)
    clock_of(runtime).move(days=5)
    assert (watch_sync(runtime).heads.at_risk, watch_sync(runtime).heads.unknown) == ([], [])
    told_hubs(runtime).reachable = False
    assert len(watch_sync(runtime).heads.unknown) == 1


def of_site(number: int, site_id: str, partition_id: str = "0") -> Sent:
    return Sent("ledger", number, body_of(number, site_id=site_id), partition_id)


def test_a_silent_site_is_told_of_once_per_silence(runtime: Runtime, owner: Owner) -> None:
    owner.execute("UPDATE sites SET silence_window_seconds = 600 WHERE site_id = 'JP-TOKYO'")
    owner.execute("UPDATE sites SET silence_window_seconds = NULL WHERE site_id = 'EU-PARIS'")
    ingest(runtime, of_site(0, "JP-TOKYO"), of_site(1, "EU-PARIS"), of_site(2, "KR-SEOUL"))
    hold(runtime, 0, 2)
    clock_of(runtime).instant = enqueued(0) + timedelta(seconds=600)
    assert watch_sync(runtime).silent == {}
    clock_of(runtime).move(seconds=1)
    assert watch_sync(runtime).silent == {"JP-TOKYO": enqueued(0)}
    clock_of(runtime).move(hours=2)
    assert watch_sync(runtime).silent.keys() == {"JP-TOKYO", "KR-SEOUL"}
    assert [told["site_id"] for told in alerts(owner, SILENT)] == ["JP-TOKYO", "KR-SEOUL"]
    ingest(runtime, Sent("ledger", 3, body_of(3, site_id="JP-TOKYO"), enqueued_at=clock_of(runtime).now()))
    hold(runtime, 0, 3)
    assert watch_sync(runtime).silent.keys() == {"KR-SEOUL"}
    clock_of(runtime).move(minutes=11)
    watch_sync(runtime)
    assert [told["site_id"] for told in alerts(owner, SILENT)] == ["JP-TOKYO", "KR-SEOUL", "JP-TOKYO"]


def test_what_we_only_did_not_read_yet_is_no_silence(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [0, 1])
    hold(runtime, 0, 2)
    clock_of(runtime).move(hours=5)
    assert watch_sync(runtime).silent == {}
    hold(runtime, 0, 1)
    assert watch_sync(runtime).silent.keys() == {"KR-SEOUL"}
    told_hubs(runtime).reachable = False
    assert watch_sync(runtime).silent == {}


def test_superseded_and_duplicate_events_break_the_silence_and_a_dead_letter_does_not(
    runtime: Runtime, owner: Owner
) -> None:
    ingest(runtime, entry(5, "t-1", version=5))
    ingest(runtime, entry(6, "t-1", version=4), order(900, "o-9", site_id="JP-TOKYO"))
    ingest(runtime, Sent("ledger", 7, b"{}"), Sent("ledger", 8, body_of(8, site_id="XX-NOWHERE")))
    assert owner.execute("SELECT stream, site_times FROM stream_positions ORDER BY 1").fetchall() == [
        ("ledger", {"KR-SEOUL": "2026-11-23T12:00:06"}),
        ("payment_order", {"JP-TOKYO": "2026-11-23T12:15:00"}),
    ]


def test_a_late_delivery_never_sets_a_site_back(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, of_site(5, "KR-SEOUL"), of_site(6, "JP-TOKYO"), of_site(9, "KR-SEOUL"))
    ingest(runtime, of_site(7, "JP-TOKYO"), of_site(8, "KR-SEOUL"), of_site(3, "EU-PARIS"))
    ((times,),) = owner.execute("SELECT site_times FROM stream_positions").fetchall()
    assert times == {
        "KR-SEOUL": "2026-11-23T12:00:09",
        "JP-TOKYO": "2026-11-23T12:00:07",
        "EU-PARIS": "2026-11-23T12:00:03",
    }


def present(owner: Owner) -> int:
    row = owner.execute(
        "SELECT generation FROM hub_generations WHERE hub = %s ORDER BY seen_at DESC, generation DESC LIMIT 1",
        [HUB],
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_the_watch_registers_a_hub_before_anything_of_it_was_read(runtime: Runtime, owner: Owner) -> None:
    watch_sync(runtime)
    rows = owner.execute(
        "SELECT hub, generation, hub_created_at FROM hub_generations ORDER BY hub"
    ).fetchall()
    assert rows == [(hub, 1, MADE) for hub in sorted(HUBS.values())]
    assert alerts(owner, "SYNC_GENERATION_CHANGED") == []


def test_a_hub_that_comes_back_is_the_generation_it_was(runtime: Runtime, owner: Owner) -> None:
    """Switched to another namespace and back: events count where the hub's creation time says."""
    take(runtime, [1, 2])
    told_hubs(runtime).created[HUB] = NOON
    watch_sync(runtime)
    assert present(owner) == 2
    take(runtime, [5, 6])
    told_hubs(runtime).created[HUB] = MADE
    watch_sync(runtime)
    assert present(owner) == 1
    take(runtime, [3, 4])
    rows = owner.execute("SELECT generation, received::text FROM stream_positions ORDER BY 1").fetchall()
    assert rows == [(1, "{[1,5)}"), (2, "{[5,7)}")]
    assert [told["came_back"] for told in alerts(owner, "SYNC_GENERATION_CHANGED")] == [False, True]
    assert totals(owner) == {"applied": 6}


@pytest.mark.parametrize("moved", [-1, 1])
def test_the_generation_seen_last_counts_whatever_the_clocks_say(
    runtime: Runtime, owner: Owner, moved: int
) -> None:
    take(runtime, [1])
    clock_of(runtime).move(hours=moved)
    told_hubs(runtime).created[HUB] = NOON
    watch_sync(runtime)
    clock_of(runtime).move(hours=moved)
    told_hubs(runtime).created[HUB] = MADE
    watch_sync(runtime)
    assert present(owner) == 1


def test_a_batch_that_meets_a_new_hub_says_so_too(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [1, 2])
    told_hubs(runtime).created[HUB] = NOON
    ingest(runtime, Sent("ledger", 1, body_of(91), enqueued_at=enqueued(99)))
    (told,) = alerts(owner, "SYNC_GENERATION_CHANGED")
    assert (told["hub"], told["generation"]) == (HUB, 2)
    watch_sync(runtime)
    assert len(alerts(owner, "SYNC_GENERATION_CHANGED")) == 1
