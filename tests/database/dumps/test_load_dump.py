"""Loading a dump: every line is accounted for, live events win, and a second loading changes nothing."""

import json
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest

from infra.local.sample import generate_exactly
from infra.local.sample.day import yesterday
from infra.local.sample.dump import write_dump
from shared.adapters.dumps import identify
from shared.runtime import Runtime
from shared.sync.dumps.errors import DumpElsewhere, DumpUnreadable
from shared.sync.dumps.load_dump import load_dump
from shared.sync.dumps.model import Dump, Run, Wish
from tests.support.dumps import counts, load, many, state, written
from tests.support.refused_rows import REFUSED, forbid_wallet
from tests.support.runtime import runtime_for
from tests.support.sync_events import ABSENT, entry, ingest, ledger_body, order_body

Owner = psycopg.Connection[Any]


def line(tx_id: str, **fields: Any) -> bytes:
    return json.dumps(ledger_body(tx_id, **fields)).encode()


@pytest.fixture
def other(database_url: str) -> Iterator[Runtime]:
    """A second runtime on the same database."""
    built = runtime_for(database_url)
    yield built
    built.database.dispose()


@pytest.mark.parametrize("name", ["d.ndjson", "d.ndjson.gz"])
def test_every_line_is_accounted_for(runtime: Runtime, owner: Owner, tmp_path: Path, name: str) -> None:
    lines = [
        line("t-1", version=1),
        b"",
        line("t-1", version=2, amount="11"),
        line("t-2", entry_type="RECEIVE"),
        b"{no json",
        line("t-1", version=1),
        line("t-3", site_id="XX"),
        line("t-4", event_time="2026-11-22T11:00:00Z"),
    ]
    loaded = load(runtime, written(tmp_path / name, lines), since="2026-11-23T00:00:00", batch_lines=2)
    assert counts(loaded) == {"read": 7, "applied": 2, "superseded": 2, "dead_lettered": 2, "skipped": 1}
    assert not loaded.over_limit
    rows, pairs = state(owner)
    assert [(row[0], row[3], row[9], row[10]) for row in rows] == [
        ("t-1", "11.00000000", None, None),
        ("t-2", "10.00000000", None, None),
    ]
    assert pairs == [("o-1", "COMPLETE", ["AMOUNT_MISMATCH", "ORDER_MISSING"], "t-1", "t-2")]
    assert owner.execute("SELECT count(*), count(position_id) FROM applied_records").fetchone() == (2, 0)


def test_a_bad_line_is_kept_with_its_number(runtime: Runtime, owner: Owner, tmp_path: Path) -> None:
    file = written(tmp_path / "d.ndjson", [line("t-1"), b"", b'{"tx_id": 1', line("t-2", amount="x")])
    load(runtime, file)
    rows = owner.execute(
        "SELECT hub, partition_id, sequence_number, body, error_code, error_field, properties, profile"
        " FROM dead_letters ORDER BY sequence_number"
    ).fetchall()
    assert {row[0] for row in rows} == {Dump(*identify(str(file))).place}
    assert [row[1:6] for row in rows] == [
        ("ledger.canonical-v1.ndjson", 3, b'{"tx_id": 1', "CONTRACT_JSON_INVALID", None),
        ("ledger.canonical-v1.ndjson", 4, line("t-2", amount="x"), "CONTRACT_FIELD_INVALID", "amount"),
    ]
    assert [(row[6]["file"], row[6]["line"], row[7]) for row in rows] == [
        ("d.ndjson", 3, "canonical-v1"),
        ("d.ndjson", 4, "canonical-v1"),
    ]


def test_loading_twice_changes_nothing(runtime: Runtime, owner: Owner, tmp_path: Path) -> None:
    file = written(tmp_path / "d.ndjson", many(200, 1, bad=0.05))
    first = load(runtime, file, batch_lines=50)
    before = state(owner)
    second = load(runtime, file, batch_lines=70)
    assert state(owner) == before
    assert second.run.counts.applied == 0
    assert second.run.counts.dead_lettered == first.run.counts.dead_lettered > 0
    assert owner.execute("SELECT count(*) FROM dead_letters").fetchone() == (first.run.counts.dead_lettered,)
    assert owner.execute("SELECT state, lines_read FROM backfill_runs").fetchall() == [("DONE", 200)] * 2


@pytest.mark.parametrize("live_first", [True, False])
def test_a_live_event_wins_where_neither_says_a_revision(
    runtime: Runtime, owner: Owner, tmp_path: Path, live_first: bool
) -> None:
    file = written(tmp_path / "d.ndjson", [line("t-1", amount="1"), line("t-2", amount="1", version=1)])
    live = [entry(1, "t-1", amount="2"), entry(2, "t-2", amount="2")]
    if live_first:
        ingest(runtime, *live)
        load(runtime, file)
    else:
        load(runtime, file)
        ingest(runtime, *live)
    found = owner.execute(
        "SELECT tx_id, amount::int, sequence_number FROM ledger_entries ORDER BY 1"
    ).fetchall()
    # A revision is above none, wherever it came from.
    assert found == [("t-1", 2, 1), ("t-2", 1, None)]


def test_batches_of_any_size_end_in_one_state(runtime: Runtime, owner: Owner, tmp_path: Path) -> None:
    file = written(tmp_path / "d.ndjson", many(120, 7, bad=0.03))
    states = []
    for size in (1, 7, 120):
        owner.execute("TRUNCATE ledger_entries, pairs, dead_letters, backfill_runs")
        loaded = load(runtime, file, batch_lines=size)
        assert loaded.run.counts.read == 120
        states.append(state(owner))
    assert states[0] == states[1] == states[2]


def test_csv_loads_to_the_rows_of_json(runtime: Runtime, owner: Owner, tmp_path: Path) -> None:
    events = list(generate_exactly(3, 400, yesterday(), malformed_share=0.0))
    runtime = runtime_for(
        runtime.settings.database_url,
        EVENT_DEFAULT_SITE_ID="KR-SEOUL",
        EVENT_TIME_TOLERANCE_SECONDS="31536000",
    )
    found = []
    for name, format_ in (("d.ndjson", "ndjson"), ("d.csv", "csv"), ("d.csv.gz", "csv")):
        owner.execute("TRUNCATE ledger_entries, pairs, dead_letters")
        count = write_dump(tmp_path / name, "ledger", events)
        loaded = load(runtime, tmp_path / name, format=format_, batch_lines=100)
        assert loaded.run.counts.read == count > 200
        found.append(state(owner))
    runtime.database.dispose()
    assert found[0] == found[1] == found[2]


def test_a_line_of_csv_that_is_no_row_is_kept_as_it_stands(
    runtime: Runtime, owner: Owner, tmp_path: Path
) -> None:
    head = b"order_id,amount,status,created_at,merchant_name"
    rows = [b'o-1,5,NEW,2026-11-23T10:00:00Z,"two\nlines"', b"o-2,5", b"o-3,5,NEW,2026-11-23T10:00:00Z,"]
    loaded = load(runtime, written(tmp_path / "d.csv", [head, *rows]), "payment_order", format="csv")
    assert counts(loaded) == {"read": 3, "applied": 2, "dead_lettered": 1}
    assert loaded.run.position_line == 5
    assert owner.execute("SELECT sequence_number, body, error_code FROM dead_letters").fetchall() == [
        (4, b"o-2,5", "CONTRACT_LINE_INVALID")
    ]
    assert owner.execute("SELECT merchant_name FROM payment_orders ORDER BY 1").fetchall() == [
        ("two\nlines",),
        (None,),
    ]


def test_a_bad_line_is_kept_once_for_each_way_to_read_it(
    runtime: Runtime, database_url: str, owner: Owner, tmp_path: Path
) -> None:
    """What a line of CSV stands for differs by dialect, and no place may come again with other bytes."""
    file = written(tmp_path / "d.csv", [b"tx_id,amount", b"t-1,x"])
    changes = runtime_for(database_url, EVENT_PROFILE="cdc-v1")
    for each in (runtime, changes, runtime, changes):
        assert counts(load(each, file, format="csv")) == {"read": 1, "dead_lettered": 1}
    changes.database.dispose()
    rows = owner.execute("SELECT profile, convert_from(body, 'UTF8') FROM dead_letters ORDER BY 1").fetchall()
    assert rows == [
        ("canonical-v1", '{"tx_id": "t-1", "amount": "x"}'),
        ("cdc-v1", '{"payload": {"after": {"tx_id": "t-1", "amount": "x"}}}'),
    ]


def test_a_split_line_is_one_line(runtime: Runtime, database_url: str, tmp_path: Path) -> None:
    transfers = runtime_for(database_url, EVENT_PROFILE="transfers-v1")
    body = {"tx_id": "x", "order_id": "o", "sender": "a", "receiver": "b", "amount": 1}
    file = written(
        tmp_path / "d.ndjson", [json.dumps({**body, "timestamp": "2026-11-23T10:00:00Z"}).encode()]
    )
    assert counts(load(transfers, file)) == {"read": 1, "applied": 1}
    transfers.database.dispose()


def test_a_row_the_database_refuses_is_one_dead_letter(
    runtime: Runtime, owner: Owner, tmp_path: Path
) -> None:
    forbid_wallet(owner)
    lines = [line(f"t-{n}", wallet_id=REFUSED if n == 3 else "w") for n in range(6)]
    loaded = load(runtime, written(tmp_path / "d.ndjson", lines))
    assert counts(loaded) == {"read": 6, "applied": 5, "dead_lettered": 1}
    (rejection,) = loaded.rejections
    assert (rejection.event.sequence_number, rejection.error.code) == (4, "SYNC_ROW_REFUSED")


def test_the_limit_stops_before_the_batch_and_a_higher_one_goes_on(
    runtime: Runtime, owner: Owner, tmp_path: Path
) -> None:
    lines = [line("t-1"), b"x", line("t-2"), b"x", b"x", line("t-3")]
    file = written(tmp_path / "d.ndjson", lines)
    stopped = load(runtime, file, batch_lines=2, rejects_max=1)
    assert (stopped.over_limit, stopped.run.position_line) == (True, 2)
    assert owner.execute("SELECT count(*) FROM dead_letters").fetchone() == (1,)
    assert owner.execute("SELECT state FROM backfill_runs").fetchall() == [("RUNNING",)]
    done = load(runtime, file, batch_lines=2, rejects_max=3)
    assert (done.over_limit, done.resumed_at, done.run.run_id) == (False, 2, stopped.run.run_id)
    assert counts(done) == {"read": 6, "applied": 3, "dead_lettered": 3}


def test_a_dry_run_says_the_same_and_keeps_nothing(runtime: Runtime, owner: Owner, tmp_path: Path) -> None:
    file = written(tmp_path / "d.ndjson", [line("t-1"), b"x", b"y", line("t-2", site_id="XX")])
    dry = load(runtime, file, dry_run=True, rejects_max=2)
    assert (counts(dry), dry.over_limit) == ({"read": 4, "applied": 1, "dead_lettered": 3}, True)
    for table in ("ledger_entries", "dead_letters", "backfill_runs", "pairs", "applied_records"):
        assert owner.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert counts(load(runtime, file)) == counts(dry)


def test_until_is_excluded_and_orders_are_taken_by_their_creation(runtime: Runtime, tmp_path: Path) -> None:
    hours = ("09", "10", "11", "12")
    lines = [json.dumps(order_body(f"o-{h}", created_at=f"2026-11-23T{h}:00:00Z")).encode() for h in hours]
    span = {"since": "2026-11-23T10:00:00", "until": "2026-11-23T12:00:00"}
    loaded = load(runtime, written(tmp_path / "d.ndjson", lines), "payment_order", **span)
    assert counts(loaded) == {"read": 4, "applied": 2, "skipped": 2}


def test_times_are_held_to_the_start_of_the_run(runtime: Runtime, tmp_path: Path) -> None:
    lines = [
        line("t-1", event_time="2026-11-24T12:00:00Z"),
        line("t-2", event_time="2026-11-24T12:00:00.000001Z"),
    ]
    loaded = load(runtime, written(tmp_path / "d.ndjson", lines))
    assert counts(loaded) == {"read": 2, "applied": 1, "dead_lettered": 1}


def test_two_processes_do_not_move_one_run(
    runtime: Runtime, other: Runtime, owner: Owner, tmp_path: Path
) -> None:
    file = written(tmp_path / "d.ndjson", [line(f"t-{n}", version=ABSENT) for n in range(6)])
    seen = 0

    def once(_run: Run, _read: int) -> None:
        nonlocal seen
        seen += 1
        if seen == 2:
            load(other, file, batch_lines=2)

    wish = Wish(str(file), "ledger", "ndjson", batch_lines=2, who="test")
    with pytest.raises(DumpElsewhere):
        load_dump(runtime, wish, once)
    assert owner.execute("SELECT lines_read, applied, state FROM backfill_runs").fetchall() == [
        (6, 6, "DONE")
    ]


@pytest.mark.parametrize("name", ["none.ndjson", "folder", "plain.gz", "cut.gz"])
def test_what_cannot_be_read_is_refused(runtime: Runtime, tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "plain.gz").write_bytes(line("t-1"))
    whole = written(tmp_path / "whole.gz", many(50, 1)).read_bytes()
    (tmp_path / "cut.gz").write_bytes(whole[:-40])
    with pytest.raises(DumpUnreadable):
        load(runtime, tmp_path / name)


def test_an_empty_file_is_done_and_an_empty_csv_has_no_header(runtime: Runtime, tmp_path: Path) -> None:
    file = written(tmp_path / "d.ndjson", [])
    assert counts(load(runtime, file)) == {}
    with pytest.raises(DumpUnreadable):
        load(runtime, file, format="csv")


class _Blob(BaseHTTPRequestHandler):
    data = b""

    def do_GET(self) -> None:
        found = self.path.startswith("/dumps/d.ndjson")
        self.send_response(200 if found else 404)
        self.end_headers()
        if found:
            self.wfile.write(self.data)

    def log_message(self, *_arguments: object) -> None:
        return None


@pytest.fixture
def blobs() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Blob)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/dumps"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("packed", [False, True])
def test_a_blob_is_read_by_its_address_and_its_signature_is_kept_nowhere(
    runtime: Runtime, owner: Owner, tmp_path: Path, blobs: str, packed: bool
) -> None:
    name = "d.ndjson.gz" if packed else "d.ndjson"
    _Blob.data = written(tmp_path / name, [line("t-1"), b"x", line("t-2")]).read_bytes()
    loaded = load(runtime, f"{blobs}/{name}?sig=hunter2", batch_lines=1)
    assert counts(loaded) == {"read": 3, "applied": 2, "dead_lettered": 1}
    assert owner.execute("SELECT file_name FROM backfill_runs").fetchall() == [(name,)]
    with pytest.raises(DumpUnreadable) as caught:
        load(runtime, f"{blobs}/none?sig=hunter2")
    assert "hunter2" not in caught.value.detail


def peak(runtime: Runtime, file: Path) -> int:
    """The most memory that Python held while loading."""
    tracemalloc.start()
    try:
        load(runtime, file, batch_lines=200)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_file(runtime: Runtime, tmp_path: Path) -> None:
    load(runtime, written(tmp_path / "warm.ndjson", many(400, 3)))
    small = peak(runtime, written(tmp_path / "small.ndjson", many(1_000, 4)))
    large = peak(runtime, written(tmp_path / "large.ndjson", many(8_000, 5)))
    assert large <= 1.25 * small
