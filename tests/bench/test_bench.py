"""The benchmark itself: equal fingerprints, arithmetic of ratios and verdicts; nothing here is timed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from shared.adapters.telemetry import NoTelemetry
from shared.sync.model import Outcome
from tests.bench.ingest import Reference, fingerprint, run_ours
from tests.bench.lookup import percentile
from tests.bench.measure import Figure, Measured, Plan, Round, family_of, run_rounds
from tests.bench.picture import draw
from tests.bench.plain_way import business_rows, take_event
from tests.bench.server import BenchServer
from tests.bench.stages import Stages
from tests.bench.workload import workload
from tests.support.migrated import app_url, libpq
from tests.support.postgres import ClonedDatabase
from tests.support.runtime import NOON, runtime_for

ORDERS = 150
RATE = Figure("rate", "ours", "theirs", 0.6, 0.8)
TIME = Figure("time", "ours", "theirs", 5, 3, greater_is_better=False)


@pytest.fixture
def server(database: ClonedDatabase) -> Iterator[BenchServer]:
    runtime = replace(runtime_for(app_url(database)), telemetry=NoTelemetry())
    with psycopg.connect(libpq(database.url), autocommit=True) as owner:
        owner.execute("ALTER TABLE applied_records DISABLE TRIGGER USER")
        yield BenchServer(database.url, app_url(database), owner, runtime, lambda: 0.0)
    runtime.database.dispose()


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
    picture = tmp_path / "bench.png"
    draw(results, Stages({"decode": 4.0, "commit": 1.0}), picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
    documents = json.loads(json.dumps([result.document() for result in results]))
    assert [document["verdict"] for document in documents] == ["floor", "not measured"]
    assert documents[1]["ratio_median"] is None
