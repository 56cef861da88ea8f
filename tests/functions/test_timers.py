"""Scheduled duties through the worker runtime."""

import json
from typing import Any

import psycopg

from tests.functions.conftest import LEDGER_HUB, Installation
from tests.functions.platform import Delivered, timer
from tests.functions.test_streams import entry
from tests.support.amqp_client import publish_raw
from tests.support.migrated import libpq


def watched(installation: Installation, **options: bool) -> list[dict[str, Any]]:
    """What one run of the watch tells."""
    telemetry = installation.telemetry
    before = telemetry.read_text("utf-8").count("\n") if telemetry.exists() else 0
    done = installation.app.invoke(timer("timer_watch_sync", **options))
    assert done.succeeded, done.error
    return [json.loads(line) for line in telemetry.read_text("utf-8").splitlines()[before:]]


def measured(told: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [each for each in told if each.get("metric") == name]


def test_the_watch_measures_lag_and_raises_one_alert_for_what_is_overdue(
    own_installation: Installation,
) -> None:
    bodies = [
        entry("t-1", "w", "PAYMENT", "o-1"),
        entry("t-2", "w", "CHARGE", ""),
        entry("t-3", "w", "CHARGE", ""),
    ]
    publish_raw(own_installation.broker.port, LEDGER_HUB, *bodies)
    (held,) = own_installation.broker.state()["hubs"][LEDGER_HUB]["partitions"]
    first = held["last_sequence"] - 2
    done = own_installation.deliver("stream_ledger", Delivered(bodies[0], first))
    assert done.succeeded, done.error
    with psycopg.connect(libpq(own_installation.database.url), autocommit=True) as rows:
        rows.execute("UPDATE pairs SET incomplete_since = now() - interval '1 day' WHERE order_id = 'o-1'")
        told = watched(own_installation, past_due=True)
        (ledger,) = [each for each in measured(told, "lag_events") if each["stream"] == "ledger"]
        assert (ledger["value"], ledger["partition"]) == (2, "0")
        assert measured(told, "freshness_seconds")[0]["stream"] == "ledger"
        assert [each["value"] for each in measured(told, "pairs_overdue")] == [1]
        assert [each["value"] for each in measured(told, "pairs_incomplete")] == [1]
        query = "SELECT kind, payload ->> 'code', payload ->> 'site_id', payload ->> 'pairs' FROM outbox"
        assert rows.execute(query).fetchall() == [("ALERT", "SYNC_PAIRS_OVERDUE", "KR-SEOUL", "1")]
        again = watched(own_installation)
        assert measured(again, "pairs_overdue") == []
        assert len(rows.execute(query).fetchall()) == 1
        assert rows.execute("SELECT count(*) FROM pairs WHERE overdue_at IS NOT NULL").fetchone() == (1,)


def test_a_lag_that_cannot_be_asked_for_is_unknown_and_the_rest_goes_on(
    own_installation: Installation,
) -> None:
    assert own_installation.deliver("stream_ledger", Delivered(entry("t-1", "w", "CHARGE", ""), 0)).succeeded
    own_installation.broker.refuse_management(True)
    try:
        told = watched(own_installation)
    finally:
        own_installation.broker.refuse_management(False)
    assert measured(told, "lag_events") == []
    (line,) = [each for each in told if each.get("event") == "watch"]
    assert line["partitions_unknown"] == 1
    assert len(measured(told, "freshness_seconds")) == 1
