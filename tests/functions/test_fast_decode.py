"""EVENT_FAST_DECODE through the real worker runtime: the same rows and the same refusals as by the library."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.functions.app_process import app_process
from tests.functions.conftest import Installation, install
from tests.functions.platform import Delivered, body
from tests.support.eventhubs import LocalEventHubs
from tests.support.identity import RunningIssuer
from tests.support.migrated import libpq
from tests.support.postgres import ClonedDatabase

POISON = b'\xff\xfe{"tx_id": "never"}'
TIMES = (
    "2026-11-23T11:59:58.25",
    "2026-11-23T11:59:58.2509999",
    "2026-11-23T11:59:58Z",
    "11/23/2026 11:59:58Z",
)


@pytest.fixture
def quick(
    tmp_path: Path,
    database: ClonedDatabase,
    functions_broker: LocalEventHubs,
    functions_issuer: RunningIssuer,
) -> Iterator[Installation]:
    """An installation with the setting on."""
    settings, telemetry = install(tmp_path, database, functions_broker, functions_issuer)
    with app_process({**settings, "EVENT_FAST_DECODE": "true"}, tmp_path / "app.log") as app:
        yield Installation(app, database, functions_broker, functions_issuer, telemetry)


def batch() -> list[Delivered]:
    """Keyed and keyless events, one that is poison, and one whose time only the library can read."""
    entry = {"wallet_id": "w", "entry_type": "CHARGE", "amount": "1", "event_time": "2026-11-23T11:59:57Z"}
    bodies = [body(tx_id=f"t-{n}", version=1, **entry) for n in range(len(TIMES))]
    bodies[1] = POISON
    properties = {"x-correlation-id": "c-1", "count": 3}
    return [
        Delivered(
            each, number, time, f"k-{number}" if number % 2 else None, properties if number == 1 else None
        )
        for number, (each, time) in enumerate(zip(bodies, TIMES, strict=True))
    ]


def stored(installed: Installation) -> list[Any]:
    """What the events left behind, but for the time of writing."""
    with psycopg.connect(libpq(installed.database.url)) as rows:
        entries = rows.execute("SELECT tx_id, enqueued_at, sequence_number FROM ledger_entries ORDER BY 1")
        letters = rows.execute(
            "SELECT sequence_number, event_offset, partition_key, enqueued_at, properties, correlation_id,"
            " encode(body_sha256, 'hex') FROM dead_letters"
        )
        counts = rows.execute("SELECT applied, dead_lettered, redelivered FROM stream_positions")
        return [entries.fetchall(), letters.fetchall(), counts.fetchall()]


def test_usual_and_unusual_batches_end_in_the_rows_the_library_gives(quick: Installation) -> None:
    *usual, unusual = batch()
    second = datetime(2026, 11, 23, 11, 59, 58, tzinfo=UTC)
    quarter = second.replace(microsecond=250_000)
    assert quick.deliver("stream_ledger", *usual).succeeded
    assert quick.deliver("stream_ledger", unusual).succeeded
    entries, letters, counts = stored(quick)
    assert entries == [("t-0", quarter, 0), ("t-2", second, 2), ("t-3", second, 3)]
    digest = hashlib.sha256(POISON).hexdigest()
    poison = (1, usual[1].offset, "k-1", quarter, {"x-correlation-id": "c-1", "count": 3}, "c-1", digest)
    assert letters == [poison]
    assert counts == [(3, 1, 0)]
    started = [json.loads(line) for line in quick.telemetry.read_text().splitlines() if '"start"' in line]
    assert [(line["event_decode"], line["reason"]) for line in started] == [("fast", "")]


def test_what_the_library_refuses_is_refused_and_nothing_is_stored(quick: Installation) -> None:
    broken = Delivered(body(tx_id="t"), 0, "no time at all")
    done = quick.deliver("stream_ledger", broken)
    assert not done.succeeded
    assert "ValueError" in done.error
    assert stored(quick) == [[], [], []]
