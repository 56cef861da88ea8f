"""The watch: lag, freshness and incomplete pairs as gauges, overdue pairs as alerts."""

import math
from typing import Any

import psycopg
import pytest

from shared.adapters.event_hubs import PartitionState
from shared.runtime import Runtime
from shared.sync.watch_sync import watch_sync
from tests.support.runtime import NOON, KeptTelemetry, StandingClock, ToldHubs
from tests.support.sync_events import HUBS, Sent, entry, ingest, ledger_body, order

Owner = psycopg.Connection[Any]
LEDGER, ORDERS = ("ledger", "0"), ("payment_order", "0")


@pytest.fixture
def clock(runtime: Runtime) -> StandingClock:
    """The watch looks an hour after the events, unless moved."""
    assert isinstance(runtime.clock, StandingClock)
    return runtime.clock


def hold(runtime: Runtime, hub: str, last: int | None) -> None:
    """Let the broker hold the numbers from 0 to that one."""
    hubs = runtime.hubs
    assert isinstance(hubs, ToldHubs)
    first = None if last is None else 0
    hubs.states[hub] = [PartitionState("0", first, last, None)]


def gauges(runtime: Runtime, name: str) -> list[tuple[float, dict[str, str]]]:
    telemetry = runtime.telemetry
    assert isinstance(telemetry, KeptTelemetry)
    return [(value, labels) for each, value, labels in telemetry.metrics if each == name]


def test_lag_counts_what_the_broker_holds_beyond_us(runtime: Runtime) -> None:
    ingest(runtime, entry(3))
    hold(runtime, HUBS["ledger"], 10)
    hold(runtime, HUBS["payment_order"], 4)
    assert watch_sync(runtime).lag_events == {LEDGER: 7, ORDERS: 5}
    assert gauges(runtime, "lag_events") == [
        (7, {"stream": "ledger", "partition": "0"}),
        (5, {"stream": "payment_order", "partition": "0"}),
    ]


def test_lag_is_unknown_and_not_zero_when_the_broker_cannot_be_asked(runtime: Runtime) -> None:
    ingest(runtime, entry(3), order(3))
    hubs = runtime.hubs
    assert isinstance(hubs, ToldHubs)
    hubs.reachable = False
    watch = watch_sync(runtime)
    assert watch.lag_events == {LEDGER: None, ORDERS: None}
    assert watch.freshness_seconds.keys() == {LEDGER, ORDERS}
    assert gauges(runtime, "lag_events") == []
    telemetry = runtime.telemetry
    assert isinstance(telemetry, KeptTelemetry)
    (fields,) = [fields for name, fields in telemetry.events if name == "watch"]
    assert fields["partitions_unknown"] == 2
    assert (fields["lag_events"], fields["partitions_stalled"], fields["sites_silent"]) == (None, None, None)
    assert gauges(runtime, "partitions_stalled") == gauges(runtime, "sites_silent") == []


def test_only_the_present_generation_of_a_hub_counts(runtime: Runtime) -> None:
    ingest(runtime, entry(90))
    hubs = runtime.hubs
    assert isinstance(hubs, ToldHubs)
    hubs.created[HUBS["ledger"]] = NOON
    hold(runtime, HUBS["ledger"], 10)
    watch = watch_sync(runtime)
    assert watch.lag_events[LEDGER] == 11
    assert watch.freshness_seconds == {}


def test_freshness_grows_while_the_producer_is_silent(runtime: Runtime, clock: StandingClock) -> None:
    ingest(runtime, entry(10))
    clock.instant = NOON.replace(minute=1)
    assert watch_sync(runtime).freshness_seconds == {LEDGER: 50.0}
    clock.move(minutes=10)
    assert watch_sync(runtime).freshness_seconds == {LEDGER: 650.0}
    assert [value for value, _ in gauges(runtime, "freshness_seconds")] == [50.0, 650.0]


def test_incomplete_pairs_are_counted_with_their_age_and_ratio(
    runtime: Runtime, owner: Owner, clock: StandingClock
) -> None:
    ingest(runtime, entry(1, "p-1", related_id="o-1"))
    clock.move(minutes=1)
    ingest(runtime, entry(2, "p-2", related_id="o-2"))
    ingest(
        runtime,
        *(entry(n, f"x-{n}", related_id="o-3", entry_type=t) for n, t in ((3, "PAYMENT"), (4, "RECEIVE"))),
    )
    ingest(runtime, order(1, "o-4"))
    owner.execute("ANALYZE pairs")
    clock.move(minutes=1)
    pairs = watch_sync(runtime).pairs
    assert (pairs.incomplete, pairs.incomplete_ratio, pairs.oldest_incomplete_since) == (2, 0.5, NOON)
    assert pairs.anomalies == {"ORDER_MISSING": 3}
    assert gauges(runtime, "pairs_incomplete") == [(2, {})]
    assert gauges(runtime, "pairs_incomplete_ratio") == [(0.5, {})]
    assert gauges(runtime, "pairs_oldest_incomplete_seconds") == [(120.0, {})]
    assert gauges(runtime, "pair_anomalies") == [(3, {"anomaly": "ORDER_MISSING"})]


def test_before_anything_was_read_a_mute_hub_is_unknown_too(runtime: Runtime) -> None:
    hubs = runtime.hubs
    assert isinstance(hubs, ToldHubs)
    hubs.reachable = False
    assert watch_sync(runtime).hubs_unknown == 2
    assert isinstance(runtime.telemetry, KeptTelemetry)
    ((_, fields),) = runtime.telemetry.events
    assert (fields["hubs_unknown"], fields["lag_events"], fields["partitions_stalled"]) == (2, None, None)


def test_without_pairs_nothing_is_incomplete_and_the_ratio_is_unknown(runtime: Runtime) -> None:
    pairs = watch_sync(runtime).pairs
    assert (pairs.incomplete, pairs.incomplete_ratio, pairs.oldest_incomplete_since) == (0, None, None)
    assert gauges(runtime, "pairs_incomplete_ratio") == []


def alerts(owner: Owner) -> list[tuple[str, dict[str, Any]]]:
    return owner.execute(
        "SELECT dedupe_key, payload FROM outbox WHERE kind = 'ALERT' ORDER BY outbox_id"
    ).fetchall()


def test_a_pair_is_overdue_beyond_its_sites_window_and_only_then(
    runtime: Runtime, owner: Owner, clock: StandingClock
) -> None:
    ingest(runtime, entry(1, "p-1", related_id="o-1"))
    clock.move(minutes=15)
    assert watch_sync(runtime).overdue == {}
    assert alerts(owner) == []
    clock.move(seconds=1)
    assert watch_sync(runtime).overdue == {"KR-SEOUL": 1}
    assert owner.execute("SELECT overdue_at FROM pairs").fetchall() == [(clock.now(),)]
    (alert,) = alerts(owner)
    assert alert[0].startswith("SYNC_PAIRS_OVERDUE:KR-SEOUL:")
    assert (alert[1]["code"], alert[1]["site_id"], alert[1]["pairs"]) == ("SYNC_PAIRS_OVERDUE", "KR-SEOUL", 1)
    assert watch_sync(runtime).overdue == {}


def test_one_alert_per_site_and_window(runtime: Runtime, owner: Owner, clock: StandingClock) -> None:
    owner.execute("UPDATE sites SET pair_window_seconds = 3600 WHERE site_id = 'JP-TOKYO'")
    ingest(runtime, entry(1, "p-1", related_id="o-1"), entry(2, "p-2", related_id="o-2", site_id="JP-TOKYO"))
    clock.move(minutes=1)
    ingest(runtime, entry(3, "p-3", related_id="o-3"))
    clock.move(minutes=14, seconds=1)
    assert watch_sync(runtime).overdue == {"KR-SEOUL": 1}
    clock.move(minutes=1)
    # Another pair of the same site in the same window: marked, but nobody is told twice.
    assert watch_sync(runtime).overdue == {"KR-SEOUL": 1}
    assert len(alerts(owner)) == 1
    clock.move(minutes=44)
    assert watch_sync(runtime).overdue == {"JP-TOKYO": 1}
    assert len(alerts(owner)) == 2
    ingest(runtime, entry(4, "p-4", related_id="o-4"))
    clock.move(minutes=16)
    assert watch_sync(runtime).overdue == {"KR-SEOUL": 1}
    sites = [payload["site_id"] for _, payload in alerts(owner)]
    assert sites == ["KR-SEOUL", "JP-TOKYO", "KR-SEOUL"]


def test_what_is_not_waited_for_is_never_overdue(
    runtime: Runtime, owner: Owner, clock: StandingClock
) -> None:
    ingest(runtime, entry(1, "p-1", related_id="o-fail"), order(1, "o-fail", status="Cancelled"))
    ingest(
        runtime,
        *(entry(n, f"c-{t}", related_id="o-done", entry_type=t) for n, t in ((2, "PAYMENT"), (3, "RECEIVE"))),
    )
    ingest(runtime, order(2, "o-open"))
    ingest(runtime, entry(4, "p-late", related_id="o-late"), order(3, "o-late", status="SETTLED"))
    clock.move(days=1)
    assert watch_sync(runtime).overdue == {"KR-SEOUL": 1}
    assert owner.execute("SELECT order_id FROM pairs WHERE overdue_at IS NOT NULL").fetchall() == [
        ("o-late",)
    ]


def test_a_pair_that_completes_is_overdue_no_more(
    runtime: Runtime, owner: Owner, clock: StandingClock
) -> None:
    ingest(runtime, entry(1, "p-1"))
    clock.move(hours=1)
    watch_sync(runtime)
    ingest(runtime, entry(2, "r-1", entry_type="RECEIVE"))
    assert owner.execute("SELECT state, overdue_at FROM pairs").fetchall() == [("COMPLETE", None)]
    # Its receive is re-pointed: incomplete again, and overdue anew at the next look.
    ingest(runtime, Sent("ledger", 3, ledger_body("r-1", entry_type="RECEIVE", related_id="o-2", version=1)))
    assert watch_sync(runtime).overdue == {"KR-SEOUL": 1}


def test_an_overdue_pair_that_only_changes_stays_overdue(
    runtime: Runtime, owner: Owner, clock: StandingClock
) -> None:
    ingest(runtime, entry(1, "p-1"))
    clock.move(hours=1)
    watch_sync(runtime)
    marked = owner.execute("SELECT overdue_at FROM pairs").fetchall()
    clock.move(minutes=1)
    ingest(runtime, order(1, status="SETTLED"))
    assert owner.execute("SELECT overdue_at FROM pairs").fetchall() == marked
    assert watch_sync(runtime).overdue == {}


def test_the_watch_looks_ahead_for_evidence(runtime: Runtime, owner: Owner) -> None:
    watch_sync(runtime)
    watch_sync(runtime)
    names = {
        row[0]
        for row in owner.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'applied_records'::regclass"
        )
    }
    assert {"applied_records_2026_11", "applied_records_2026_12", "applied_records_2027_01"} <= names


def test_the_watch_works_though_evidence_of_this_month_lies_in_the_default_partition(
    runtime: Runtime, owner: Owner, clock: StandingClock
) -> None:
    clock.instant = NOON.replace(year=2041)
    ingest(runtime, entry(1))
    watch_sync(runtime)
    where = owner.execute("SELECT tableoid::regclass::text FROM applied_records").fetchall()
    assert where == [("applied_records_default",)]
    assert owner.execute(
        "SELECT to_regclass('applied_records_2041_11'), to_regclass('applied_records_2041_12')"
    ).fetchone() == (None, "applied_records_2041_12")


def test_nothing_that_is_published_is_not_a_number(runtime: Runtime) -> None:
    ingest(runtime, entry(1))
    watch_sync(runtime)
    telemetry = runtime.telemetry
    assert isinstance(telemetry, KeptTelemetry)
    values = [value for name, value, _ in telemetry.metrics if name != "pair_time_to_complete_seconds"]
    assert values
    assert all(math.isfinite(value) for value in values)
