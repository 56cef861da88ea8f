"""What becomes of an event: one total order decides, and every new sequence number has one outcome."""

from collections.abc import Sequence
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from shared.sync.ingest_events import ingest_events
from shared.sync.model import EventBatch
from tests.support.oracle import folded
from tests.support.runtime import StandingClock
from tests.support.sync_events import CONSUMER_GROUP, HUBS, Sent, entry, ingest, order, outcomes
from tests.support.sync_state import converged_rows, fetch_rows, received, totals

Owner = psycopg.Connection[Any]
EARLY, LATE = "2026-11-23T11:00:00Z", "2026-11-23T11:30:00Z"


def only_entry(owner: Owner) -> dict[str, Any]:
    (row,) = fetch_rows(owner, "ledger_entries", "tx_id").values()
    return row


def test_a_first_event_is_applied(runtime: Runtime, owner: Owner) -> None:
    assert outcomes(ingest(runtime, entry(1))) == {"applied": 1}
    assert only_entry(owner)["sequence_number"] == 1


AGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"version": 0}),
    ({}, {"updated_at": EARLY}),
    ({"version": 9}, {"updated_at": EARLY}),
    ({"version": 1}, {"version": 2}),
    ({"version": 9}, {"version": 10}),
    ({"updated_at": EARLY}, {"updated_at": LATE}),
    ({"updated_at": EARLY}, {"updated_at": EARLY, "version": 0}),
    ({"updated_at": EARLY, "version": 7}, {"updated_at": LATE, "version": 1}),
    ({"updated_at": EARLY}, {"updated_at": "2026-11-23T11:00:00.000001Z"}),
]


@pytest.mark.parametrize(("older", "newer"), AGES)
@pytest.mark.parametrize("together", [True, False])
def test_the_newer_statement_wins_whichever_comes_first(
    runtime: Runtime, owner: Owner, older: dict[str, Any], newer: dict[str, Any], together: bool
) -> None:
    """The newer one has the lower sequence number, so that only the statement of age can decide."""
    new, old = entry(1, amount="2", **newer), entry(2, amount="1", **older)
    calls = [(new, old)] if together else [(new,), (old,)]
    results = [outcomes(ingest(runtime, *call)) for call in calls]
    assert results in ([{"applied": 1, "superseded": 1}], [{"applied": 1}, {"superseded": 1}])
    assert only_entry(owner)["amount"] == 2


@pytest.mark.parametrize(("older", "newer"), AGES)
def test_a_newer_statement_replaces_an_older_one(
    runtime: Runtime, owner: Owner, older: dict[str, Any], newer: dict[str, Any]
) -> None:
    ingest(runtime, entry(1, amount="1", **older))
    assert outcomes(ingest(runtime, entry(2, amount="2", **newer))) == {"applied": 1}
    assert only_entry(owner)["amount"] == 2


def test_among_events_without_age_the_later_enqueued_wins(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(5, amount="5"))
    assert outcomes(ingest(runtime, entry(3, amount="3"))) == {"superseded": 1}
    assert outcomes(ingest(runtime, entry(7, amount="7"))) == {"applied": 1}
    assert only_entry(owner)["amount"] == 7


def test_an_event_without_age_loses_to_a_row_that_has_one(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1, amount="1", version=0))
    assert outcomes(ingest(runtime, entry(9, amount="9"))) == {"superseded": 1}
    assert only_entry(owner)["amount"] == 1


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("amounts", [("1", "2"), ("3", "4"), ("5", "6")])
def test_at_equal_places_of_two_partitions_the_content_decides(
    runtime: Runtime, owner: Owner, amounts: tuple[str, str], reverse: bool
) -> None:
    events = [entry(1, amount=amount, partition_id=p) for p, amount in zip(("0", "1"), amounts, strict=True)]
    assert len({each.event().enqueued_at for each in events}) == 1
    for each in events[::-1] if reverse else events:
        ingest(runtime, each)
    assert converged_rows(owner, "ledger") == folded(events).rows("ledger")


def test_greater_with_equal_content_moves_only_the_revision(runtime: Runtime, owner: Owner) -> None:
    clock = runtime.clock
    assert isinstance(clock, StandingClock)
    ingest(runtime, entry(1, version=1, correlation_id="c-1"))
    before = only_entry(owner)
    clock.move(hours=1)
    assert outcomes(ingest(runtime, entry(2, version=2, updated_at=LATE, correlation_id="c-2"))) == {
        "duplicate": 1
    }
    after = only_entry(owner)
    moved = {name for name in before if before[name] != after[name]}
    assert moved == {
        "version",
        "updated_at",
        "sequence_number",
        "enqueued_at",
        "correlation_id",
        "last_change",
    }
    assert (after["version"], after["sequence_number"], after["correlation_id"]) == (2, 2, "c-2")


def test_an_equal_revision_is_a_duplicate_and_writes_nothing(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1, version=1))
    before = owner.execute("SELECT xmin::text, ctid::text FROM ledger_entries").fetchall()
    again = Sent("ledger", 1, entry(1, version=1).body)
    assert outcomes(ingest(runtime, again)) == {"redelivered": 1}
    assert owner.execute("SELECT xmin::text, ctid::text FROM ledger_entries").fetchall() == before


@pytest.mark.parametrize(("amount", "outcome"), [("10.00", "duplicate"), ("11", "superseded")])
def test_smaller_is_a_duplicate_with_equal_content_and_superseded_with_other(
    runtime: Runtime, owner: Owner, amount: str, outcome: str
) -> None:
    ingest(runtime, entry(1, version=5))
    assert outcomes(ingest(runtime, entry(2, version=4, amount=amount))) == {outcome: 1}
    assert (only_entry(owner)["version"], only_entry(owner)["amount"]) == (5, 10)


def test_within_a_batch_only_the_greatest_meets_the_store(runtime: Runtime, owner: Owner) -> None:
    events = [
        entry(n, version=v, amount=a) for n, v, a in ((1, 1, "1"), (2, 3, "3"), (3, 2, "3"), (4, 0, "0"))
    ]
    assert outcomes(ingest(runtime, *events)) == {"applied": 1, "duplicate": 1, "superseded": 2}
    assert only_entry(owner)["amount"] == 3
    assert owner.execute("SELECT count(*) FROM applied_records").fetchone() == (1,)


def test_a_known_sequence_number_counts_only_as_redelivered(runtime: Runtime, owner: Owner) -> None:
    events = [entry(1, "t-1"), entry(2, "t-2"), Sent("ledger", 3, b"{}")]
    assert outcomes(ingest(runtime, *events)) == {"applied": 2, "dead_lettered": 1}
    assert outcomes(ingest(runtime, *events, entry(4, "t-1"))) == {"redelivered": 3, "duplicate": 1}
    assert totals(owner) == {"applied": 2, "dead_lettered": 1, "duplicate": 1, "redelivered": 3}


def test_a_number_twice_in_one_batch_counts_once(runtime: Runtime, owner: Owner) -> None:
    assert outcomes(ingest(runtime, entry(1), entry(1), entry(2, "t-2"))) == {"applied": 2, "redelivered": 1}
    assert totals(owner) == {"applied": 2, "redelivered": 1}


def test_the_same_number_of_another_partition_is_another_event(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1, "t-1", partition_id="0"))
    assert outcomes(ingest(runtime, entry(1, "t-2", partition_id="1"))) == {"applied": 1}
    assert received(owner) == 2


def test_both_streams_in_one_call_count_apart(runtime: Runtime, owner: Owner) -> None:
    results = ingest(runtime, entry(1), order(1), order(2, status="SETTLED", version=1))
    assert [(r.stream, outcomes([r])) for r in results] == [
        ("ledger", {"applied": 1}),
        ("payment_order", {"applied": 1, "superseded": 1}),
    ]
    assert received(owner) == 3


@pytest.mark.parametrize("size", [1, 2, 7, 20])
def test_the_outcomes_add_up_to_the_distinct_numbers(runtime: Runtime, owner: Owner, size: int) -> None:
    events: Sequence[Sent] = [
        entry(n, f"t-{n % 3}", version=(n * 7) % 5, amount=str(n % 2)) for n in range(1, 20)
    ] + [Sent("ledger", n, b"[]") for n in range(20, 24)]
    brought = 0
    for start in range(0, len(events), size):
        # Each batch brings the end of the one before again.
        batch = events[max(0, start - 2) : start + size]
        brought += len(batch)
        ingest(runtime, *batch)
    counts = totals(owner)
    repeated = counts.pop("redelivered")
    assert sum(counts.values()) == received(owner) == len(events)
    assert repeated == brought - len(events) > 0
    assert counts["dead_lettered"] == 4


def test_positions_hold_ranges_and_the_newest_times(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1), entry(2, "t-2"), entry(5, "t-5", event_time="2026-11-24T09:00:00Z"))
    row = owner.execute(
        "SELECT received::text, last_enqueued_at::text, newest_event_at::text, records_applied FROM stream_positions"
    ).fetchone()
    assert row == ("{[1,3),[5,6)}", "2026-11-23 12:00:05+00", "2026-11-23 12:00:05+00", 3)
    ingest(runtime, entry(4, "t-4"), entry(3, "t-3"))
    row = owner.execute("SELECT received::text, last_enqueued_at::text FROM stream_positions").fetchone()
    assert row == ("{[1,6)}", "2026-11-23 12:00:05+00")


def test_an_empty_call_does_nothing(runtime: Runtime, owner: Owner) -> None:
    empty = EventBatch("ledger", HUBS["ledger"], CONSUMER_GROUP, "0", [])
    assert ingest_events(runtime, [empty]) == ingest_events(runtime, []) == []
    assert owner.execute("SELECT count(*) FROM stream_positions").fetchone() == (0,)
