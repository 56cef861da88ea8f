"""Dialects on a real database: a split event is one event, with records of its own; dead letters name the profile."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from shared.sync.events.contract import Stream
from shared.sync.ingest_events import ingest_events
from shared.sync.model import BatchResult, Event, EventBatch, Outcome
from shared.sync.profiles.load_profile import profile_names
from tests.support.counted import counted
from tests.support.dialects import examples
from tests.support.refused_rows import REFUSED, forbid_wallet
from tests.support.runtime import NOON, KeptTelemetry, runtime_for
from tests.support.sync_events import HUBS

Owner = psycopg.Connection[Any]
Open = Callable[[str], Runtime]
TRANSFER = examples("transfers-v1", "ledger")[0] | {"site_id": "KR-SEOUL"}
COLUMNS = "tx_id, wallet_id, entry_type, amount, currency, related_id, related_type, event_time, created_at, site_id"


@pytest.fixture
def opened(database_url: str) -> Iterator[Open]:
    """Opens runtimes of any profile on the test's database."""
    with ExitStack() as stack:

        def open_runtime(profile: str) -> Runtime:
            runtime = runtime_for(database_url, EVENT_PROFILE=profile)
            stack.callback(runtime.database.dispose)
            return runtime

        yield open_runtime


def take(
    runtime: Runtime, *bodies: Mapping[str, Any], first: int = 1, stream: Stream = "ledger"
) -> BatchResult:
    events = [
        Event(json.dumps(body).encode(), number, NOON, str(number))
        for number, body in enumerate(bodies, start=first)
    ]
    (result,) = ingest_events(runtime, [EventBatch(stream, HUBS[stream], "counterfoil", "0", events)])
    return result


def events_and_records(result: BatchResult) -> tuple[dict[str, int], dict[str, int]]:
    return (
        {outcome.value: count for outcome, count in result.events.items() if count},
        {outcome.value: count for outcome, count in result.records.items() if count},
    )


@pytest.mark.parametrize("profile", profile_names())
def test_every_dialect_makes_the_same_rows_and_a_complete_pair(
    opened: Open, owner: Owner, profile: str
) -> None:
    runtime = opened(profile)
    take(runtime, *examples(profile, "ledger"))
    take(runtime, *examples(profile, "payment_order"), stream="payment_order")
    found = owner.execute(f"SELECT {COLUMNS} FROM ledger_entries ORDER BY tx_id").fetchall()
    assert [row[:3] for row in found] == [("tx-1:P", "wal-1", "PAYMENT"), ("tx-1:R", "wal-2", "RECEIVE")]
    assert {tuple(map(str, row[3:7])) for row in found} == {("12.50000000", "EUR", "ord-1", "PAYMENT_ORDER")}
    assert owner.execute("SELECT state, anomalies FROM pairs").fetchall() == [("COMPLETE", [])]


def test_a_split_event_counts_once_and_its_records_apart(opened: Open, owner: Owner) -> None:
    runtime = opened("transfers-v1")
    assert events_and_records(take(runtime, TRANSFER)) == ({"applied": 1}, {"applied": 2})
    again = take(runtime, {**TRANSFER, "version": 1}, first=2)
    assert events_and_records(again) == ({"duplicate": 1}, {"duplicate": 2})
    one_side = take(runtime, {**TRANSFER, "version": 2, "receiver": "wal-9"}, first=3)
    assert events_and_records(one_side) == ({"applied": 1}, {"applied": 1, "duplicate": 1})
    stale = take(runtime, {**TRANSFER, "version": 1}, first=4)
    assert events_and_records(stale) == ({"superseded": 1}, {"superseded": 1, "duplicate": 1})
    totals = owner.execute(
        "SELECT applied, superseded, duplicate, records_applied, records_superseded, records_duplicate"
        " FROM stream_positions"
    ).fetchall()
    assert totals == [(2, 1, 1, 3, 1, 4)]


def test_a_lone_split_event_does_not_go_the_short_way(opened: Open) -> None:
    """The short way is for one record; two of them are one transaction of the ordinary way."""
    runtime = opened("transfers-v1")
    take(runtime, TRANSFER)
    with counted(runtime) as (mine, counts):
        take(mine, {**TRANSFER, "tx_id": "tx-2"}, first=2)
    assert counts["begin"] == 1


def test_a_lone_event_of_another_dialect_goes_the_short_way(opened: Open) -> None:
    runtime = opened("camelcase-v1")
    body = examples("camelcase-v1", "ledger")[0] | {"siteId": "KR-SEOUL"}
    take(runtime, body)
    with counted(runtime) as (mine, counts):
        take(mine, {**body, "txHash": "tx-8"}, first=2)
        counts.clear()
        take(mine, {**body, "txHash": "tx-9"}, first=3)
    assert (counts["begin"], counts["statements"]) == (0, 1)


def test_a_split_event_of_an_unknown_site_is_one_dead_letter(opened: Open, owner: Owner) -> None:
    result = take(opened("transfers-v1"), {**TRANSFER, "site_id": "XX"}, {**TRANSFER, "tx_id": "tx-2"})
    assert events_and_records(result) == ({"applied": 1, "dead_lettered": 1}, {"applied": 2})
    assert owner.execute("SELECT sequence_number, error_code, profile FROM dead_letters").fetchall() == [
        (1, "SITE_UNKNOWN", "transfers-v1")
    ]
    assert owner.execute("SELECT count(*) FROM ledger_entries").fetchone() == (2,)


def test_a_split_event_goes_whole_where_the_database_refuses_one_record(opened: Open, owner: Owner) -> None:
    forbid_wallet(owner)
    bad = {**TRANSFER, "tx_id": "tx-2", "receiver": REFUSED}
    result = take(opened("transfers-v1"), TRANSFER, bad)
    assert result.events[Outcome.DEAD_LETTERED] == 1
    assert owner.execute("SELECT error_code FROM dead_letters").fetchall() == [("SYNC_ROW_REFUSED",)]
    assert owner.execute("SELECT count(*) FROM ledger_entries").fetchone() == (2,)


def test_a_deleted_row_is_a_dead_letter_with_its_own_code(opened: Open, owner: Owner) -> None:
    take(opened("cdc-v1"), {"payload": {"op": "d", "before": {"tx_id": "t-1"}, "after": None}})
    row = owner.execute("SELECT error_code, error_field, profile FROM dead_letters").fetchone()
    assert row == ("CONTRACT_OPERATION_UNSUPPORTED", "$.payload.op", "cdc-v1")


def test_how_well_a_profile_fits_is_counted_by_its_name(opened: Open) -> None:
    runtime = opened("transfers-v1")
    take(runtime, {**TRANSFER, "source_version": 1, "colour": 1})
    assert isinstance(runtime.telemetry, KeptTelemetry)
    counted_ = {name: labels for name, _, labels in runtime.telemetry.metrics}
    assert counted_["alias_hits"] == {"field": "version", "profile": "transfers-v1"}
    assert counted_["unknown_fields"] == {"stream": "ledger", "profile": "transfers-v1"}
