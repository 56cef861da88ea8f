"""Holes in what was received become gaps: found with exact ranges, told once, closed, expired or accepted."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from shared.errors.request import RequestInvalid
from shared.runtime import Runtime
from shared.security.errors import NotAllowed
from shared.sync.accept_gap import accept_gap
from shared.sync.loss.errors import DecisionIncomplete, GapNotFound
from shared.sync.loss.find_gaps import GAPS_PER_LOOK_MAX
from shared.sync.watch_sync import watch_sync
from tests.support.callers import operating
from tests.support.loss import HUB, alerts, clock_of, gaps, hold, take, told_hubs
from tests.support.postgres import ClonedDatabase
from tests.support.roles import APP, connected_as, refusal
from tests.support.runtime import NOON, KeptTelemetry
from tests.support.stack_processes import eventually

Owner = psycopg.Connection[Any]
ADA = operating("ada")
CODE = "SYNC_SEQUENCE_GAP"


def missing_events(runtime: Runtime) -> list[float]:
    assert isinstance(runtime.telemetry, KeptTelemetry)
    return [value for name, value, _ in runtime.telemetry.metrics if name == "missing_events"]


def test_a_stream_without_holes_has_no_gap(runtime: Runtime, owner: Owner) -> None:
    take(runtime, range(100, 120))
    hold(runtime, 0, 130)
    watch_sync(runtime)
    assert gaps(owner) == []
    assert alerts(owner, CODE) == []
    assert missing_events(runtime) == [0]


def test_every_hole_is_a_gap_with_its_exact_range_and_one_alert(runtime: Runtime, owner: Owner) -> None:
    for numbers in (range(3, 7), range(10, 12), [14], range(20, 22)):
        take(runtime, numbers)
    hold(runtime, 0, 21)
    watch = watch_sync(runtime)
    assert gaps(owner) == [
        (7, 9, "{[7,10)}", "{}", "OPEN"),
        (12, 13, "{[12,14)}", "{}", "OPEN"),
        (15, 19, "{[15,20)}", "{}", "OPEN"),
    ]
    assert [gap.first_number for gap in watch.gaps.found] == [7, 12, 15]
    told = alerts(owner, CODE)
    assert [each["missing"] for each in told] == [[[7, 9]], [[12, 13]], [[15, 19]]]
    assert [each["events"] for each in told] == [3, 2, 5]
    assert {(each["stream"], each["hub"], each["generation"], each["partition_id"]) for each in told} == {
        ("ledger", HUB, 1, "0")
    }
    watch_sync(runtime)
    assert len(alerts(owner, CODE)) == len(gaps(owner)) == 3
    assert missing_events(runtime) == [10, 10]


def test_a_gap_closes_by_itself_when_its_numbers_arrive(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [1, 2])
    take(runtime, [7])
    hold(runtime, 0, 7)
    watch_sync(runtime)
    take(runtime, [3, 5])
    watch_sync(runtime)
    assert gaps(owner) == [(3, 6, "{[4,5),[6,7)}", "{}", "OPEN")]
    take(runtime, [4, 6])
    clock_of(runtime).move(minutes=1)
    watch_sync(runtime)
    assert gaps(owner) == [(3, 6, "{}", "{}", "CLOSED")]
    assert owner.execute("SELECT found_at, closed_at FROM sequence_gaps").fetchall() == [
        (NOON, clock_of(runtime).now())
    ]
    assert len(alerts(owner, CODE)) == 1
    assert missing_events(runtime)[-1] == 0


def test_what_the_hub_dropped_has_expired_first_in_part_and_then_whole(
    runtime: Runtime, owner: Owner
) -> None:
    take(runtime, [1])
    take(runtime, [6])
    hold(runtime, 0, 6)
    watch_sync(runtime)
    hold(runtime, 4, 6)
    watch_sync(runtime)
    assert gaps(owner) == [(2, 5, "{[2,6)}", "{[2,4)}", "OPEN")]
    hold(runtime, 6, 6)
    watch_sync(runtime)
    assert gaps(owner) == [(2, 5, "{[2,6)}", "{[2,6)}", "EXPIRED")]
    assert missing_events(runtime)[-1] == 4
    # A batch the platform had in its hands all the time.
    take(runtime, range(2, 6))
    watch_sync(runtime)
    assert gaps(owner) == [(2, 5, "{}", "{}", "CLOSED")]


def test_events_dropped_before_they_were_read_are_a_gap_too(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [1, 2])
    hold(runtime, 5, 8)
    watch_sync(runtime)
    assert gaps(owner) == [(3, 4, "{[3,5)}", "{[3,5)}", "EXPIRED")]
    hold(runtime, 9, 8)
    watch_sync(runtime)
    assert gaps(owner)[1:] == [(5, 8, "{[5,9)}", "{[5,9)}", "EXPIRED")]
    assert [(each["missing"], each["state"]) for each in alerts(owner, CODE)] == [([[3, 4]], "EXPIRED")]
    take(runtime, [9])
    watch_sync(runtime)
    assert len(gaps(owner)) == 2


def test_what_a_lagging_partition_goes_on_losing_is_one_loss_until_somebody_accepts_it(
    runtime: Runtime, owner: Owner
) -> None:
    take(runtime, [0])
    for first in range(3, 23, 2):
        hold(runtime, first, 99)
        watch_sync(runtime)
    assert len(alerts(owner, CODE)) == 1
    assert sum(last - first + 1 for first, last, *_ in gaps(owner)) == 20
    ((last_gap,),) = owner.execute("SELECT max(gap_id) FROM sequence_gaps").fetchall()
    accept_gap(runtime, ADA, last_gap, "too old")
    hold(runtime, 30, 99)
    watch_sync(runtime)
    assert [told["missing"] for told in alerts(owner, CODE)][1:] == [[[21, 29]]]


def test_too_many_holes_for_one_look_are_recorded_by_the_next_ones(runtime: Runtime, owner: Owner) -> None:
    take(runtime, range(0, 2 * GAPS_PER_LOOK_MAX + 9, 2))
    for recorded in (GAPS_PER_LOOK_MAX, GAPS_PER_LOOK_MAX + 4):
        watch_sync(runtime)
        assert len(gaps(owner)) == len(alerts(owner, CODE)) == recorded
    assert missing_events(runtime) == [GAPS_PER_LOOK_MAX + 4] * 2


def test_without_the_broker_holes_are_found_and_nothing_expires(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [1])
    take(runtime, [4])
    told_hubs(runtime).reachable = False
    watch_sync(runtime)
    assert gaps(owner) == [(2, 3, "{[2,4)}", "{}", "OPEN")]


def test_what_came_before_the_first_number_is_unknown_and_no_gap(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [50])
    hold(runtime, 0, 50)
    watch_sync(runtime)
    assert gaps(owner) == []
    # Then a part of it comes after all: now there is a hole between.
    take(runtime, [40])
    watch_sync(runtime)
    assert gaps(owner) == [(41, 49, "{[41,50)}", "{}", "OPEN")]


def test_a_hub_made_anew_leaves_the_old_gaps_as_they_are(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [1])
    take(runtime, [4])
    hold(runtime, 0, 4)
    watch_sync(runtime)
    told_hubs(runtime).created[HUB] = NOON
    hold(runtime, 90, 99)
    watch_sync(runtime)
    take(runtime, [90])
    take(runtime, [92])
    watch_sync(runtime)
    assert gaps(owner) == [(2, 3, "{[2,4)}", "{}", "OPEN"), (91, 91, "{[91,92)}", "{}", "OPEN")]
    (changed,) = alerts(owner, "SYNC_GENERATION_CHANGED")
    assert (changed["generation_before"], changed["generation"], changed["came_back"]) == (1, 2, False)


def test_a_person_accepts_a_gap_with_a_reason_once(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [1])
    take(runtime, [4])
    watch_sync(runtime)
    ((gap_id,),) = owner.execute("SELECT gap_id FROM sequence_gaps").fetchall()
    for reason, refused in (("", RequestInvalid), (" ", RequestInvalid), ("two\nlines", DecisionIncomplete)):
        with pytest.raises(refused):
            accept_gap(runtime, ADA, gap_id, reason)
    with pytest.raises(NotAllowed):
        accept_gap(runtime, operating("bob", "KR-SEOUL"), gap_id, "seen")
    accept_gap(runtime, ADA, gap_id, "test events of the producer")
    assert owner.execute(
        "SELECT state, accepted_by, accepted_reason, accepted_at FROM sequence_gaps"
    ).fetchall() == [("ACCEPTED", "ada", "test events of the producer", NOON)]
    for other in (gap_id, gap_id + 1):
        with pytest.raises(GapNotFound):
            accept_gap(runtime, operating("bob"), other, "again")
    entries = owner.execute(
        "SELECT actor, action, target_id, outcome, (before::jsonb) ->> 'state', (after::jsonb) ->> 'state'"
        " FROM audit_entries WHERE chain = 'control' ORDER BY position"
    ).fetchall()
    action = "operator:sequence_gap:accept"
    assert [row for row in entries if row[3] == "DONE"] == [
        ("ada", action, str(gap_id), "DONE", "OPEN", "ACCEPTED")
    ]
    assert [row[::3] for row in entries] == [
        ("ada", "FAILED"), ("bob", "DENIED"), ("ada", "DONE"), ("bob", "FAILED"), ("bob", "FAILED"),
    ]  # fmt: skip
    watch_sync(runtime)
    assert gaps(owner) == [(2, 3, "{[2,4)}", "{}", "ACCEPTED")]
    assert missing_events(runtime)[-1] == 0
    take(runtime, [2, 3])
    watch_sync(runtime)
    assert [row[-1] for row in gaps(owner)] == ["CLOSED"]


OPEN, EXPIRED, ACCEPTED, CLOSED = (
    "closed_at = NULL, state = 'OPEN', expired = '{}'",
    "closed_at = NULL, state = 'EXPIRED', expired = missing, expired_at = now()",
    "closed_at = NULL, state = 'ACCEPTED', accepted_at = found_at, accepted_by = 'ada', accepted_reason = 'seen'",
    "state = 'CLOSED', missing = '{}', expired = '{}', closed_at = now()",
)
WAYS = [(), (EXPIRED,), (ACCEPTED,), (CLOSED,)]
ALLOWED = {(0, EXPIRED), (0, ACCEPTED), (0, CLOSED), (1, ACCEPTED), (1, CLOSED), (2, CLOSED)}


@pytest.mark.parametrize("way", range(4))
@pytest.mark.parametrize("to", [OPEN, EXPIRED, ACCEPTED, CLOSED])
def test_the_database_lets_a_gap_go_only_where_it_may(
    runtime: Runtime, owner: Owner, database: ClonedDatabase, way: int, to: str
) -> None:
    take(runtime, [1])
    take(runtime, [4])
    watch_sync(runtime)
    for step in WAYS[way]:
        owner.execute(f"UPDATE sequence_gaps SET {step}")
    stays = to == [OPEN, EXPIRED, ACCEPTED, CLOSED][way]
    with connected_as(database, APP) as app:
        refused = refusal(app, f"UPDATE sequence_gaps SET {to}")
    assert (refused is None) == ((way, to) in ALLOWED or stays), refused


@pytest.mark.parametrize(
    "change",
    [
        "first_number = 1",
        "last_number = 9",
        "found_at = now() - interval '1 day'",
        "missing = '{[0,3)}'",
        "missing = '{}'",
        "expired = '{[2,9)}'",
        "expired = missing",
        "state = 'EXPIRED'",
        "state = 'ACCEPTED'",
        "state = 'ACCEPTED', accepted_at = now(), accepted_by = 'ada', accepted_reason = ' '",
        "state = 'GONE'",
        "closed_at = now()",
        "replayed_at = now()",
        "missing = '{[2,3)}', position_id = -1",
    ],
)
def test_the_database_refuses_a_gap_that_contradicts_itself(
    runtime: Runtime, owner: Owner, database: ClonedDatabase, change: str
) -> None:
    take(runtime, [1])
    take(runtime, [4])
    watch_sync(runtime)
    with connected_as(database, APP) as app:
        assert refusal(app, f"UPDATE sequence_gaps SET {change}") in ("23514", "23503")
        assert refusal(app, "UPDATE sequence_gaps SET missing = '{[3,4)}'") is None
        assert refusal(app, "UPDATE sequence_gaps SET missing = '{[2,4)}'") == "23514"


def test_of_two_watches_at_once_one_records_the_hole(runtime: Runtime, owner: Owner) -> None:
    take(runtime, [1])
    take(runtime, [4])
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(2) as pool:
        with owner.transaction():
            owner.execute("SELECT pg_advisory_xact_lock(hashtextextended('sequence_gaps', 0))")
            watches = [pool.submit(watch_sync, runtime) for _ in range(2)]
            eventually(lambda: owner.execute(waiting).fetchone() == (2,), "both wait for the lock")
        found = [watch.result().gaps.found for watch in watches]
    assert sorted(map(len, found)) == [0, 1]
    assert len(gaps(owner)) == len(alerts(owner, CODE)) == 1
