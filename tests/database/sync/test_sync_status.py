"""The status: what was received, what is missing, how late and how fresh; unknown is null and never 0."""

import time
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime
from shared.sync.describe_sync import GAPS_SHOWN_MAX, PartitionStatus, describe_sync
from shared.sync.loss.store import list_gaps
from shared.sync.watch_sync import watch_sync
from tests.support.lookups import looking
from tests.support.loss import HUB, MADE, clock_of, enqueued, hold, take, told_hubs
from tests.support.runtime import BASE_SETTINGS, NOON, runtime_for
from tests.support.sync_events import Sent, entry, ingest

Owner = psycopg.Connection[Any]
SECONDS = 1.0


def ledger(runtime: Runtime, partition_id: str = "0") -> PartitionStatus:
    """That partition of the ledger's hub."""
    (found,) = [
        each
        for each in describe_sync(runtime, looking(), SECONDS).partitions
        if (each.stream, each.partition) == ("ledger", partition_id)
    ]
    return found


def test_counts_are_those_of_the_position(runtime: Runtime) -> None:
    ingest(
        runtime, entry(3, "t-1", version=2), entry(4, "t-1", version=1, amount="5"), Sent("ledger", 5, b"{}")
    )
    ingest(runtime, entry(3, "t-1", version=2), entry(6, "t-1", version=2))
    hold(runtime, 0, 8)
    clock_of(runtime).instant = enqueued(16)
    status = ledger(runtime)
    assert (status.received, status.applied, status.superseded, status.duplicate) == (4, 1, 1, 1)
    assert (status.dead_lettered, status.redelivered) == (1, 1)
    assert (status.first_number, status.head, status.hub_head, status.generation) == (3, 6, 8, 1)
    assert (status.lag_events, status.lag_seconds, status.freshness_seconds) == (2, 2.0, 10.0)
    assert (status.newest_enqueued_at, status.newest_event_at) == (enqueued(6), NOON - timedelta(hours=1))
    assert (status.gaps, status.missing_events, status.hub_created_at) == ([], 0, MADE)


def test_what_is_missing_is_shown_before_the_watch_has_seen_it(runtime: Runtime) -> None:
    take(runtime, [1])
    take(runtime, [4])
    hold(runtime, 0, 4)
    (gap,) = ledger(runtime).gaps
    assert (gap.gap_id, gap.state, gap.missing, gap.found_at) == (None, "OPEN", ((2, 3),), None)
    watch_sync(runtime)
    (recorded,) = ledger(runtime).gaps
    assert recorded.gap_id is not None
    assert (recorded.missing, recorded.found_at) == (((2, 3),), NOON)
    take(runtime, [2])
    status = ledger(runtime)
    assert [(each.state, each.missing) for each in status.gaps] == [("OPEN", ((3, 3),))]
    assert status.missing_events == 1
    hold(runtime, 4, 4)
    assert [each.state for each in ledger(runtime).gaps] == ["EXPIRED"]
    take(runtime, [3])
    status = ledger(runtime)
    assert ([each.state for each in status.gaps], status.missing_events) == (["CLOSED"], 0)


def test_without_the_broker_lag_is_unknown_and_everything_else_is_told(runtime: Runtime) -> None:
    take(runtime, [1])
    take(runtime, [4])
    told_hubs(runtime).reachable = False
    clock_of(runtime).instant = enqueued(60)
    status = ledger(runtime)
    assert (status.lag_events, status.lag_seconds, status.hub_head) == (None, None, None)
    assert (status.received, status.head, status.freshness_seconds) == (2, 4, 56.0)
    assert [each.missing for each in status.gaps] == [((2, 3),)]


def test_nothing_unread_is_a_lag_of_0(runtime: Runtime) -> None:
    take(runtime, [1])
    hold(runtime, 0, 1)
    clock_of(runtime).move(days=3)
    status = ledger(runtime)
    assert (status.lag_events, status.lag_seconds) == (0, 0.0)
    assert status.freshness_seconds == 3 * 86_400 - 1


def test_a_partition_never_read_shows_what_the_hub_holds(runtime: Runtime) -> None:
    watch_sync(runtime)
    hold(runtime, 5, 9)
    status = ledger(runtime)
    assert (status.received, status.head, status.lag_events, status.lag_seconds) == (0, None, 5, None)
    assert (status.freshness_seconds, status.newest_event_at, status.gaps) == (None, None, [])


def test_a_hub_nobody_has_registered_yet_is_listed_all_the_same(runtime: Runtime) -> None:
    hold(runtime, 5, 9)
    status = ledger(runtime)
    assert (status.generation, status.hub_created_at, status.head, status.hub_head) == (None, MADE, None, 9)
    assert (status.received, status.lag_events, status.lag_seconds, status.gaps) == (0, 5, None, [])
    # The other stream's hub says that it has no partition at all.
    assert describe_sync(runtime, looking(), SECONDS).unknown_streams == ["payment_order"]


def test_before_the_first_event_and_without_the_broker_the_streams_are_unknown(runtime: Runtime) -> None:
    hubs = told_hubs(runtime)
    hubs.reachable = False
    status = describe_sync(runtime, looking(), SECONDS)
    assert (status.partitions, status.unknown_streams) == ([], ["ledger", "payment_order"])
    hubs.reachable = True
    take(runtime, [1])
    assert describe_sync(runtime, looking(), SECONDS).unknown_streams == ["payment_order"]


def test_without_the_broker_the_watchs_answer_is_shown_as_such(runtime: Runtime) -> None:
    take(runtime, [1])
    hold(runtime, 0, 3)
    watch_sync(runtime)
    hold(runtime, 0, 9)
    clock_of(runtime).move(minutes=1)
    answered = ledger(runtime)
    assert (answered.hub_head_told, answered.lag_events_at_least) == (9, 8)
    assert answered.hub_asked_at == NOON + timedelta(minutes=1)
    told_hubs(runtime).reachable = False
    status = ledger(runtime)
    assert (status.hub_head, status.lag_events) == (None, None)
    assert (status.hub_head_told, status.hub_asked_at, status.lag_events_at_least) == (3, NOON, 2)


def test_gaps_of_an_earlier_generation_stay_readable(runtime: Runtime) -> None:
    take(runtime, [1])
    take(runtime, [4])
    watch_sync(runtime)
    told_hubs(runtime).created[HUB] = NOON
    hold(runtime, 0, 9)
    # Until the watch has registered the new hub, what it says belongs to nothing we know.
    assert ledger(runtime).lag_events is None
    watch_sync(runtime)
    status = describe_sync(runtime, looking(), SECONDS)
    (earlier,) = status.earlier_generations
    assert (earlier.generation, earlier.head, earlier.lag_events) == (1, 4, None)
    assert [(each.state, each.missing) for each in earlier.gaps] == [("OPEN", ((2, 3),))]
    (now,) = [each for each in status.partitions if each.hub == HUB]
    assert (now.generation, now.received, now.lag_events, now.gaps) == (2, 0, 10, [])


def test_many_gaps_are_shown_in_part_and_counted_whole(runtime: Runtime) -> None:
    take(runtime, range(0, 2 * GAPS_SHOWN_MAX + 10, 2))
    hold(runtime, 0, 2 * GAPS_SHOWN_MAX + 10)
    status = ledger(runtime)
    assert (len(status.gaps), status.gaps_total) == (GAPS_SHOWN_MAX, GAPS_SHOWN_MAX + 4)
    assert status.missing_events == GAPS_SHOWN_MAX + 4
    assert status.gaps[0].first_number == 2 * GAPS_SHOWN_MAX + 7


def test_gaps_to_decide_on_come_before_those_decided(runtime: Runtime, owner: Owner) -> None:
    for number in (0, 2, 4, 6, 8):
        take(runtime, [number])
    hold(runtime, 2, 8)
    watch_sync(runtime)
    take(runtime, [7])
    watch_sync(runtime)
    owner.execute(
        "UPDATE sequence_gaps SET state = 'ACCEPTED', accepted_at = now(), accepted_by = 'a', accepted_reason = 'b'"
        " WHERE first_number = 5"
    )
    shown = [(gap.state, gap.first_number) for gap in ledger(runtime).gaps]
    assert shown == [("OPEN", 3), ("EXPIRED", 1), ("ACCEPTED", 5), ("CLOSED", 7)]


def test_of_closed_gaps_only_the_newest_are_read(runtime: Runtime, owner: Owner) -> None:
    take(runtime, range(0, 2 * GAPS_SHOWN_MAX + 10, 2))
    watch_sync(runtime)
    take(runtime, range(3, 2 * GAPS_SHOWN_MAX + 8, 2))
    watch_sync(runtime)
    shown = ledger(runtime).gaps
    assert [(gap.state, gap.first_number) for gap in shown[:2]] == [
        ("OPEN", 1),
        ("CLOSED", 2 * GAPS_SHOWN_MAX + 7),
    ]
    assert ledger(runtime).gaps_total == GAPS_SHOWN_MAX + 1
    with runtime.database.reading() as connection:
        group = runtime.settings.event_consumer_group
        assert [each.gap.first_number for each in list_gaps(connection, group)] == [1]


def test_ten_thousand_gaps_are_told_without_comparing_each_with_everything(
    runtime: Runtime, owner: Owner
) -> None:
    take(runtime, [0])
    count = 10_000
    owner.execute(
        "UPDATE stream_positions SET received = (SELECT range_agg(int8range(2 * n, 2 * n + 1))"
        " FROM generate_series(0, %s) AS n)",
        [count],
    )
    owner.execute(
        "INSERT INTO sequence_gaps (position_id, first_number, last_number, missing, found_at)"
        " SELECT position_id, 2 * n + 1, 2 * n + 1, int8multirange(int8range(2 * n + 1, 2 * n + 2)), now()"
        " FROM stream_positions, generate_series(0, %s) AS n",
        [count - 1],
    )
    began = time.process_time()
    status = ledger(runtime)
    # Of this process alone, so that a busy machine does not count; compared with everything it takes half a minute.
    assert time.process_time() - began < 10
    assert (status.gaps_total, status.missing_events) == (count, count)


def test_the_answer_is_json_with_times_in_utc(runtime: Runtime) -> None:
    take(runtime, [1])
    take(runtime, [4])
    hold(runtime, 0, 4)
    document = msgspec.json.decode(msgspec.json.encode(describe_sync(runtime, looking(), SECONDS)))
    assert document["as_of"] == "2026-11-23T12:00:00Z"
    (partition,) = [each for each in document["partitions"] if each["hub"] == HUB]
    assert partition["newest_enqueued_at"] == "2026-11-23T12:00:04Z"
    assert partition["gaps"][0]["missing"] == [[2, 3]]


def test_without_a_database_there_is_no_answer() -> None:
    built = runtime_for(BASE_SETTINGS["DATABASE_URL"])
    with pytest.raises(DatabaseUnavailable):
        describe_sync(built, looking(), SECONDS)
    assert told_hubs(built).asked == 0
