"""The metrics document: figures of the log beside what the database and the broker say now."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from rich.console import Console

from infra.local.stack.account import Counts, Pairs
from infra.local.stack.credentials import Credentials
from infra.local.stack.layout import Layout, Ports
from infra.local.stack.metrics import Standing, document_of, fetch_standing, show_metrics
from infra.local.stack.settings import app_settings, write_settings
from infra.local.stack.telemetry_log import Summary
from shared.runtime import Runtime
from tests.support.ledger_rows import entry, order, write
from tests.support.runtime import NOON, ToldHubs
from tests.support.stack_positions import LEDGER_HUB, ORDER_HUB, add_generation, partition, set_position

Owner = psycopg.Connection[Any]
AN_HOUR_AGO = NOON - timedelta(hours=1)


@pytest.fixture
def positions(owner: Owner) -> Owner:
    """The ledger hub read up to number 9, a minute ago; the orders' read up to number 4, just now."""
    for hub in (LEDGER_HUB, ORDER_HUB):
        add_generation(owner, hub)
    set_position(owner, LEDGER_HUB, "{[0,10)}", (8, 0, 1, 1, 0), enqueued_at=NOON - timedelta(seconds=60.25))
    set_position(owner, ORDER_HUB, "{[0,5)}", (5, 0, 0, 0, 2))
    return owner


def hubs_of(runtime: Runtime) -> ToldHubs:
    assert isinstance(runtime.hubs, ToldHubs)
    return runtime.hubs


def test_lag_is_what_the_broker_holds_beyond_us(runtime: Runtime, positions: Owner) -> None:
    hubs_of(runtime).states = {
        LEDGER_HUB: [partition(0, 15, "0"), partition(3, 7, "1"), partition(None, None, "2")],
        ORDER_HUB: [partition(0, 4, "0")],
    }
    standing = fetch_standing(runtime, AN_HOUR_AGO)
    assert standing.lag_events == {"ledger/0": 6, "ledger/1": 5, "ledger/2": 0, "payment_order/0": 0}
    assert standing.freshness_seconds == {"ledger/0": 60.2, "payment_order/0": 0.0}
    assert standing.counts == Counts(13, 0, 1, 1, 2)


def test_lag_is_unknown_when_the_broker_cannot_be_asked(runtime: Runtime, positions: Owner) -> None:
    hubs_of(runtime).reachable = False
    standing = fetch_standing(runtime, AN_HOUR_AGO)
    assert standing.lag_events == {"ledger/0": None, "payment_order/0": None}
    assert standing.freshness_seconds.keys() == standing.lag_events.keys()


def test_delays_are_of_both_streams_and_of_the_period(runtime: Runtime) -> None:
    def after(seconds: float, at: datetime = NOON) -> dict[str, datetime]:
        return {"enqueued_at": at - timedelta(seconds=seconds), "ingested_at": at}

    entries = [entry(f"t-{n}", "w", "FEE", **after(n)) for n in (1, 2, 3)]
    entries.append(entry("old", "w", "FEE", **after(100, AN_HOUR_AGO - timedelta(seconds=1))))
    entries.append(entry("backfilled", "w", "FEE", enqueued_at=None, sequence_number=None, ingested_at=NOON))
    with runtime.database.transaction() as connection:
        write(connection, entries=entries, orders=[order("o-1", **after(4)), order("o-2", **after(5))])
    delays = fetch_standing(runtime, AN_HOUR_AGO).apply_delay_seconds
    assert delays == pytest.approx({"p50": 3.0, "p95": 4.8, "p99": 4.96})


def test_nothing_stored_leaves_delays_unknown(runtime: Runtime) -> None:
    standing = fetch_standing(runtime, AN_HOUR_AGO)
    assert standing.apply_delay_seconds == {"p50": None, "p95": None, "p99": None}
    assert (standing.lag_events, standing.freshness_seconds) == ({}, {})


def summary_of(*records: tuple[float, str, float, dict[str, str]]) -> Summary:
    found = Summary()
    for after_seconds, name, value, labels in records:
        found.add(NOON + timedelta(seconds=after_seconds), {"metric": name, "value": value, **labels})
    return found


STANDING = Standing(
    lag_events={"ledger/0": None, "ledger/1": 3},
    freshness_seconds={"ledger/1": 90_061.0},
    apply_delay_seconds={"p50": 0.1, "p95": None, "p99": None},
    counts=Counts(1, 2, 3, 4, 5),
    pairs=Pairs(1, 2, 3, 4),
)


def test_the_document_rates_what_happened() -> None:
    tx, ledger = {"route": "tx"}, {"stream": "ledger"}
    summary = summary_of(
        (0, "request_seconds", 0.1, {**tx, "status": "200"}),
        (1, "request_seconds", 0.3, {**tx, "status": "503"}),
        (5, "request_seconds", 0.2, {**tx, "status": "500"}),
        (6, "batch_seconds", 0.5, ledger),
        (6, "batch_seconds", 1.5, ledger),
        (6, "events", 90, {**ledger, "outcome": "applied"}),
        (10, "events", 10, {**ledger, "outcome": "duplicate"}),
        (10, "dead_letters", 4, {"code": "SITE_UNKNOWN"}),
        (10, "auth_failures", 2, {"code": "AUTH_TOKEN_MISSING"}),
    )
    assert document_of(summary, STANDING, 60) == {
        "minutes": 60,
        "requests": {
            "tx": {
                "count": 3, "per_second": 0.3, "server_errors": 2, "statuses": {"200": 1, "503": 1, "500": 1},
                "p50": 0.2, "p95": 0.3, "p99": 0.3,
            }
        },
        "streams": {
            "ledger": {
                "batches": 2, "events": {"applied": 90, "duplicate": 10}, "events_per_second_busy": 50.0,
                "p50": 0.5, "p95": 1.5, "p99": 1.5,
            }
        },
        "dead_letters": {"SITE_UNKNOWN": 4},
        "auth_failures": {"AUTH_TOKEN_MISSING": 2},
        "lag_events": {"ledger/0": None, "ledger/1": 3},
        "freshness_seconds": {"ledger/1": 90_061.0},
        "apply_delay_seconds": {"p50": 0.1, "p95": None, "p99": None},
        "counts": {"applied": 1, "superseded": 2, "duplicate": 3, "dead_lettered": 4, "redelivered": 5},
        "pairs": {"complete": 1, "incomplete": 2, "open": 3, "anomalous": 4},
    }  # fmt: skip


def test_a_rate_without_time_is_unknown() -> None:
    instant = summary_of(
        (0, "batch_seconds", 0.0, {"stream": "ledger"}),
        (0, "request_seconds", 0.0, {"route": "tx", "status": "200"}),
    )
    document = document_of(instant, STANDING, 1)
    assert document["streams"]["ledger"]["events_per_second_busy"] is None
    assert document["requests"]["tx"]["per_second"] == 1.0
    quiet = document_of(Summary(), STANDING, 1)
    assert (quiet["requests"], quiet["streams"]) == ({}, {})


def test_a_broker_that_is_gone_stands_as_unknown_on_the_screen(
    layout: Layout, database_url: str, positions: Owner
) -> None:
    values = app_settings(layout, Ports.from_first(1), "http://127.0.0.1:2", Credentials.load(layout))
    write_settings(layout, {**values, "DATABASE_URL": database_url})
    record = {
        "at": datetime.now(UTC).isoformat(),
        "metric": "dead_letters",
        "value": 3,
        "code": "SITE_UNKNOWN",
    }
    layout.telemetry.write_text(json.dumps(record) + "\n")
    console = Console(width=200, record=True)
    assert show_metrics(layout, console, minutes=5, as_json=False) == 0
    lines = {line.split()[0]: line.split() for line in console.export_text().splitlines() if line.strip()}
    assert lines["ledger/0"][1] == "unknown"
    assert "SITE_UNKNOWN" in lines["3"]
