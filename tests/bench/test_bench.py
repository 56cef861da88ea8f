"""The benchmark itself: equal fingerprints, arithmetic of ratios and verdicts; nothing here is timed."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from shared.adapters.telemetry import NoTelemetry
from shared.pairing.store import repair_pairs
from shared.sync.ingest_events import ingest_events
from shared.sync.model import Outcome
from tests.bench.growth import measure_growth
from tests.bench.ingest import Reference, fingerprint, run_ours
from tests.bench.lookup import measure_lookup, measure_wallet_page, percentile
from tests.bench.measure import Figure, Measured, Plan, Round, family_of, run_rounds
from tests.bench.memory import measure_memory
from tests.bench.picture import draw
from tests.bench.plain_way import business_rows, take_event
from tests.bench.replay import measure_replay
from tests.bench.rows import fill, order_id, sizes
from tests.bench.server import BenchServer
from tests.bench.stages import Stages
from tests.bench.storage import FILLFACTORS, HASH_PARTITIONS, later, lives, measure_storage
from tests.bench.workload import published, workload
from tests.support.migrated import app_url, libpq, prepare_migrated
from tests.support.postgres import ClonedDatabase, SharedPostgres
from tests.support.runtime import NOON, runtime_for

ORDERS = 150
ROWS = 2000
SECONDS_TO_MEASURE = 200
ROOT = Path(__file__).resolve().parents[2]
RATE = Figure("rate", "ours", "theirs", 0.6, 0.8)
TIME = Figure("time", "ours", "theirs", 5, 3, greater_is_better=False)


@contextmanager
def bench_on(database: ClonedDatabase) -> Iterator[BenchServer]:
    runtime = replace(runtime_for(app_url(database)), telemetry=NoTelemetry())
    with psycopg.connect(libpq(database.url), autocommit=True) as owner:
        owner.execute("ALTER TABLE applied_records DISABLE TRIGGER USER")
        yield BenchServer(database.url, app_url(database), owner, runtime, lambda: 0.0)
    runtime.database.dispose()


@pytest.fixture
def server(database: ClonedDatabase) -> Iterator[BenchServer]:
    with bench_on(database) as server:
        yield server


@pytest.fixture
def filled(postgres: SharedPostgres) -> Iterator[BenchServer]:
    """Another database, with rows that the server made."""
    with (
        postgres.create_database_from("migrated", prepare_migrated) as database,
        bench_on(database) as server,
    ):
        fill(server, ROWS)
        yield server


@pytest.mark.parametrize("size", [1, 64, 5000])
def test_ours_and_the_reference_end_in_the_same_rows(server: BenchServer, size: int) -> None:
    calls = workload(ORDERS).batches(size)
    run_ours(server, calls)
    ours = fingerprint(server.owner)
    server.truncate()
    assert fingerprint(server.owner) != ours
    reference = Reference.prepared(server, calls)
    reference.run(NOON)
    reference.session.close()
    assert fingerprint(server.owner) == ours
    assert [row[0] for row in ours] == [2 * ORDERS, ORDERS, ORDERS]  # type: ignore[index]


def test_the_plain_way_ends_in_the_same_rows(server: BenchServer) -> None:
    load = workload(20)
    run_ours(server, load.batches(1000))
    ours = business_rows(server)
    server.truncate()
    server.runtime.database._engines()
    for stream, event in load.events:
        take_event(server.runtime.database._engines().transaction, stream, event)
    assert business_rows(server) == ours


def test_the_workload_has_what_it_says(server: BenchServer) -> None:
    load = workload(ORDERS)
    run_ours(server, load.batches(1000))
    counts = server.owner.execute(
        "SELECT sum(applied), sum(superseded), sum(duplicate), sum(dead_lettered) FROM stream_positions"
    ).fetchone()
    found = dict(zip(Outcome, map(int, counts or ()), strict=True))
    assert sum(found.values()) == len(load.events)
    assert found[Outcome.DEAD_LETTERED] == 0
    assert found[Outcome.SUPERSEDED] > 0
    assert found[Outcome.DUPLICATE] > 0


def table(server: BenchServer, query: str) -> list[tuple[Any, ...]]:
    return server.owner.execute(query.encode()).fetchall()


def test_rows_made_by_the_server_agree_with_each_other(filled: BenchServer) -> None:
    """Pairing finds nothing to change, every row has its evidence, and the positions hold all of them."""
    before = table(filled, "SELECT * FROM pairs ORDER BY order_id")
    with filled.runtime.database.transaction() as connection:
        repair_pairs(connection, [order_id(n) for n in range(1, ROWS // 2 + 1)])
    assert table(filled, "SELECT * FROM pairs ORDER BY order_id") == before
    states = dict(table(filled, "SELECT state, count(*) FROM pairs GROUP BY 1"))
    assert states == {"COMPLETE": ROWS // 2 - ROWS // 100, "INCOMPLETE": ROWS // 100}
    evidence = "SELECT record_key, content_digest, sequence_number, is_order FROM applied_records"
    rows = "SELECT {}, content_digest, sequence_number, {} FROM {}"
    entries = table(filled, rows.format("tx_id", "false", "ledger_entries"))
    orders = table(filled, rows.format("order_id", "true", "payment_orders"))
    assert sorted(map(str, table(filled, evidence))) == sorted(map(str, entries + orders))
    held = "SELECT stream, applied, (SELECT sum(upper(r) - lower(r)) FROM unnest(received) AS r) FROM stream_positions"
    assert sorted(table(filled, held)) == [
        ("ledger", len(entries), len(entries)),
        ("payment_order", len(orders), len(orders)),
    ]
    found = sizes(filled)
    assert {name: size["rows"] for name, size in found.items()} == {
        "ledger_entries": len(entries),
        "payment_orders": len(orders),
        "pairs": len(orders),
        "applied_records": len(entries) + len(orders),
    }
    assert all(
        value > 0 for size in found.values() for name, value in size.items() if "anomalies" not in name
    )
    assert set(found["applied_records"]) == {"rows", "heap", "applied_records_record_key_idx"}
    indexes = {"pk_ledger_entries", "ix_ledger_entries_related_id", "ix_ledger_entries_wallet"}
    assert set(found["ledger_entries"]) == {"rows", "heap", *indexes}


def test_a_batch_by_hub_holds_every_event_once() -> None:
    load = workload(ORDERS)
    calls = load.by_hub(100)
    assert {len(call) for call in calls} == {1}
    assert {len(call[0].events) for call in calls[:-2]} == {100}
    assert sorted((c[0].stream, e.sequence_number) for c in calls for e in c[0].events) == sorted(
        (stream, event.sequence_number) for stream, event in load.events
    )


QUICK = Plan(rounds=1, strict=False, warm_up=0)


def test_small_runs_of_the_figures_of_one_database(server: BenchServer, filled: BenchServer) -> None:
    """Each asserts its own facts; here it only has to come to an end and to say how much it did."""
    results = [
        measure_replay(server, QUICK, lambda: None, 40),
        measure_lookup(filled, ROWS, QUICK, lambda: None),
        measure_wallet_page(filled, ROWS, QUICK, lambda: None),
        measure_growth(server, filled, ROWS, QUICK, lambda: None, 20),
        measure_memory(server, 400, QUICK, lambda: None),
    ]
    assert [len(result.rounds) for result in results] == [1] * len(results)
    assert all(result.ratio > 0 for result in results)
    assert set(results[3].notes["rate_by_rows"]) == {0, ROWS}  # type: ignore[call-overload]


def test_storage_is_measured_and_put_back(server: BenchServer) -> None:
    found = measure_storage(server, ROWS, lambda: None, 20)
    assert [row["ledger_entries"] for row in found.partitioning] == [
        "plain",
        f"{HASH_PARTITIONS} hash partitions",
    ]
    assert [row["fillfactor"] for row in found.fillfactor] == list(FILLFACTORS)
    kind = table(
        server, "SELECT relkind::text, reloptions::text FROM pg_class WHERE relname = 'ledger_entries'"
    )
    assert kind == [("r", "{fillfactor=100}")]


def test_the_life_of_an_order_ends_in_a_complete_pair(server: BenchServer) -> None:
    for call in published(lives(30)).batches(50):
        ingest_events(server.runtime, call)
    for call in published(later(30)).batches(50):
        ingest_events(server.runtime, call)
    assert table(server, "SELECT state, count(*) FROM pairs GROUP BY 1") == [("COMPLETE", 30)]
    statuses = dict(table(server, "SELECT status, count(*) FROM payment_orders GROUP BY 1"))
    assert set(statuses) == {"SETTLED", "COMPLETED"}


def test_the_command_measures_through_processes_too(tmp_path: Path) -> None:
    """The function app, the local host and the local Event Hubs, each in the smallest run there is."""
    names = ["function", "function-fast", "whole-path", "lookup-http", "edge"]
    options = {
        "--rounds": "1",
        "--warm-up": "0",
        "--orders": "60",
        "--rows": str(ROWS),
        "--out": str(tmp_path),
    }
    command = [
        sys.executable,
        "-m",
        "tests.bench",
        "--quick",
        *(part for pair in options.items() for part in pair),
    ]
    command += ["--only", *names]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            _, errors = process.communicate(timeout=SECONDS_TO_MEASURE)
        except subprocess.TimeoutExpired:
            # As a person would stop it, so that it takes its servers down.
            process.send_signal(signal.SIGINT)
            raise
    assert process.returncode == 0, errors
    document = json.loads((tmp_path / "bench.json").read_text())
    assert [figure["rounds"] for figure in document["figures"]] == [1] * len(names)
    assert document["bytes_of_the_large_database"]["pairs"]["rows"] == ROWS // 2


def measured(figure: Figure, *ratios: float) -> Measured:
    return Measured(figure, "events/s", [Round(ratio, 1.0, 0.0) for ratio in ratios])


@pytest.mark.parametrize(
    ("figure", "ratios", "verdict"),
    [
        (RATE, [0.81] * 5, "goal"),
        (RATE, [0.1, 0.6, 0.61, 0.62, 0.9], "floor"),
        (RATE, [0.59] * 5, "missed"),
        (RATE, [0.9] * 4, "not measured"),
        (TIME, [2.9] * 5, "goal"),
        (TIME, [4.9] * 5, "floor"),
        (TIME, [5.1] * 5, "missed"),
    ],
)
def test_the_verdict_is_on_the_median_of_the_ratios(
    figure: Figure, ratios: list[float], verdict: str
) -> None:
    assert measured(figure, *ratios).verdict == verdict


def test_warm_up_and_spoiled_rounds_do_not_count() -> None:
    busy = iter([0.0, 0.0] * 3 + [5.0, -1e9] * 50)

    def own_processes() -> float:
        return next(busy)

    found = run_rounds(
        Measured(RATE, "s"), Plan(rounds=5), lambda _n: (1.0, 2.0), own_processes, lambda: None
    )
    assert len(found.rounds) < 5
    assert found.discarded > 0
    assert found.verdict == "not measured"


def test_a_quick_look_keeps_every_round_but_the_warm_up() -> None:
    tries: list[int] = []

    def one_round(attempt: int) -> tuple[float, float]:
        tries.append(attempt)
        return 3.0, 4.0

    plan = Plan(rounds=5, strict=False)
    found = run_rounds(Measured(RATE, "s"), plan, one_round, lambda: 0.0, lambda: None)
    assert (tries, found.ratio, found.discarded) == (list(range(7)), 0.75, 0)


def test_percentiles_are_nearest_rank() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert (percentile(values, 50), percentile(values, 95), percentile([7.0], 95)) == (50.0, 95.0, 7.0)


def test_the_family_of_a_process_holds_itself() -> None:
    assert 1 in family_of(1)


def test_document_and_picture_are_written(tmp_path: Path) -> None:
    results = [measured(RATE, *[0.7] * 5), measured(TIME)]
    results[0].notes["batch"] = 1000
    results[0].notes["rate_by_rows"] = {rows: {"ours": 2.0, "reference": 3.0} for rows in (0, 5_000_000)}
    picture = tmp_path / "bench.png"
    draw(results, Stages({"decode": 4.0, "commit": 1.0}), picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    documents = json.loads(json.dumps([result.document() for result in results]))
    assert [document["verdict"] for document in documents] == ["floor", "not measured"]
    assert documents[1]["ratio_median"] is None
