"""What the log and the metrics are told of a batch: one line, counters by outcome, no ids."""

import psycopg
import pytest

from shared.adapters.telemetry import metric_names
from shared.runtime import Runtime
from shared.sync.errors import DeadLetterConflict
from tests.support.runtime import KeptTelemetry
from tests.support.sync_events import ABSENT, Sent, entry, ingest, order


def kept(runtime: Runtime) -> KeptTelemetry:
    assert isinstance(runtime.telemetry, KeptTelemetry)
    return runtime.telemetry


def counters(runtime: Runtime, name: str, label: str) -> dict[str, float]:
    return {labels[label]: value for each, value, labels in kept(runtime).metrics if each == name}


def test_one_line_per_batch_however_many_events(runtime: Runtime) -> None:
    ingest(runtime, *(entry(n, f"t-{n}", version=1) for n in range(1, 40)), Sent("ledger", 40, b""), order(1))
    lines = [fields for name, fields in kept(runtime).events if name == "batch"]
    assert lines == [
        {
            "stream": "ledger",
            "partition": "0",
            "received": 40,
            "applied": 39,
            "superseded": 0,
            "duplicate": 0,
            "dead_lettered": 1,
            "redelivered": 0,
            "pairs": 1,
        },
        {
            "stream": "payment_order",
            "partition": "0",
            "received": 1,
            "applied": 1,
            "superseded": 0,
            "duplicate": 0,
            "dead_lettered": 0,
            "redelivered": 0,
            "pairs": 1,
        },
    ]


def test_counters_by_outcome(runtime: Runtime) -> None:
    first = entry(1, version=2)
    ingest(runtime, first)
    kept(runtime).metrics.clear()
    ingest(
        runtime, first, entry(2, version=1, amount="1"), entry(3, "t-3", memo="x"), Sent("ledger", 4, b"{}")
    )
    assert counters(runtime, "events", "outcome") == {
        "applied": 1,
        "superseded": 1,
        "dead_lettered": 1,
        "redelivered": 1,
    }
    assert counters(runtime, "dead_letters", "code") == {"CONTRACT_FIELD_MISSING": 1}
    assert counters(runtime, "versions_missing", "stream") == {"ledger": 1}
    assert counters(runtime, "unknown_fields", "stream") == {"ledger": 1}


def test_alias_hits_are_counted_by_field(runtime: Runtime) -> None:
    ingest(
        runtime,
        entry(1, "t-1", entry_type=ABSENT, type="PAYMENT"),
        entry(
            2, "t-2", entry_type=ABSENT, type="PAYMENT", event_time=ABSENT, created_at="2026-11-23T11:00:00Z"
        ),
    )
    assert counters(runtime, "alias_hits", "field") == {"entry_type": 2, "event_time": 1}


def test_no_id_of_an_event_is_told(runtime: Runtime) -> None:
    secret = "id-that-must-not-be-told"
    ingest(
        runtime,
        entry(1, secret, wallet_id=secret, related_id=secret),
        order(1, secret),
        Sent("ledger", 2, b"{}"),
    )
    assert secret not in repr(kept(runtime))
    assert {name for name, _, _ in kept(runtime).metrics} <= set(metric_names())


def test_a_batch_that_is_rolled_back_is_not_reported(
    runtime: Runtime, owner: psycopg.Connection[tuple[object, ...]]
) -> None:
    ingest(runtime, Sent("ledger", 1, b""))
    kept(runtime).metrics.clear()
    kept(runtime).events.clear()
    with pytest.raises(DeadLetterConflict):
        ingest(runtime, entry(2), Sent("ledger", 1, b"{}"))
    assert not kept(runtime).metrics
    assert not kept(runtime).events
    assert owner.execute("SELECT count(*) FROM ledger_entries").fetchone() == (0,)
