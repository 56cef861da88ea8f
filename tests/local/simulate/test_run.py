"""Real runs on the real stack: one that holds, one that Ctrl-C ends, one on a defective product."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.simulate.run import new_folder
from infra.local.stack.errors import StackError
from tests.support.simulation import Simulation, spoiled_copy
from tests.support.stack_processes import eventually

NewRun = Callable[..., Simulation]
PNG = b"\x89PNG\r\n\x1a\n"
# Few and short, so that the run fits into the everyday suite.
SHORT = ("--minutes", "0.25", "--rate", "80", "--seed", "11")
# A product that takes a batch for done when storing it failed: the position moves on, the rows never come.
LOSES_ROWS = '''

def ingest_events(runtime: Runtime, batches: Sequence[EventBatch]) -> list[BatchResult]:
    """Forgets what could not be stored."""
    try:
        return _stores(runtime, batches)
    except Exception:
        with runtime.database.transaction() as connection:
            for batch in batches:
                numbers = sorted({event.sequence_number for event in batch.events})
                moved = connection.exec_driver_sql(
                    "UPDATE stream_positions SET superseded = superseded + (SELECT count(*) FROM"
                    " unnest(%(n)s::bigint[]) AS n WHERE NOT received @> n), received = received +"
                    " (SELECT range_agg(int8range(n, n, '[]')) FROM unnest(%(n)s::bigint[]) AS n)"
                    " WHERE hub = %(hub)s AND partition_id = %(partition)s",
                    {"n": numbers, "hub": batch.hub, "partition": batch.partition_id},
                )
                if not moved.rowcount:
                    raise
        return []
'''
# A product that gives up a batch that failed, as the trigger's checkpoint would let it.
GIVES_UP = '''

def ingest_events(runtime: Runtime, batches: Sequence[EventBatch]) -> list[BatchResult]:
    """Hides its failures."""
    try:
        return _stores(runtime, batches)
    except Exception:
        return []
'''


def assert_nothing_left(run: Simulation) -> None:
    assert run.processes() == []
    assert list(run.data.iterdir()) == []


def test_a_short_run_holds_and_tells_what_it_did(new_run: NewRun) -> None:
    run = new_run(*SHORT, "--faults", "kill-database,crash,poison")
    ended = run.wait()
    assert ended.status == 0, ended.said
    told = ended.told
    assert told["verdict"] == "ok"
    assert told["published"] == told["plan"]["events"] == 0.25 * 60 * 80
    assert told["received"] >= told["published"]
    assert told["counts"]["dead_lettered"] > 0
    planned = [(fault["number"], fault["kind"]) for fault in told["plan"]["faults"]]
    assert [(fault["number"], fault["kind"]) for fault in told["faults"]] == planned
    assert all(fault["caught_up_seconds"] is not None for fault in told["faults"])
    assert all(check["held"] and check["compared"] for check in told["checks"])
    delays = told["apply_delay_seconds"]
    assert sum(part["count"] for part in delays.values()) == told["counts"]["applied"]
    assert (run.out / "seed-11.png").read_bytes().startswith(PNG)
    assert (run.out / "seed-11.json").exists()
    assert_nothing_left(run)


def test_ctrl_c_ends_it_early_and_judges_what_was_published(new_run: NewRun) -> None:
    run = new_run("--minutes", "30", "--rate", "60", "--seed", "12", "--faults", "cut")
    run.wait_for_part("infra.local.host")
    eventually(lambda: list(run.data.rglob("checkpoints/**/*.json")), "events flow", lambda: run.said)
    run.interrupt()
    ended = run.wait()
    assert ended.status == 0, ended.said
    assert ended.told["interrupted"] is True
    assert 0 < ended.told["published"] < ended.told["plan"]["events"]
    assert ended.told["verdict"] == "ok"
    assert_nothing_left(run)


def test_a_termination_stops_everything_at_once_and_still_tells(new_run: NewRun) -> None:
    run = new_run("--minutes", "30", "--rate", "60", "--seed", "15", "--faults", "pause")
    eventually(lambda: list(run.data.rglob("checkpoints/**/*.json")), "events flow", lambda: run.said)
    run.terminate()
    ended = run.wait()
    assert ended.status == 130, ended.said
    assert ended.told["verdict"] == "not judged"
    assert ended.told["checks"] == []
    assert_nothing_left(run)


def test_ctrl_c_while_it_starts_stops_what_has_started(new_run: NewRun) -> None:
    run = new_run(*SHORT)
    run.wait_for_part("infra.local.identity")
    run.interrupt()
    ended = run.wait()
    assert (ended.status, ended.told) == (130, {}), ended.said
    assert "Traceback" not in ended.said
    assert_nothing_left(run)


def test_a_part_that_does_not_start_ends_the_run(new_run: NewRun, tmp_path: Path) -> None:
    run = new_run(*SHORT, environment={"LOCAL_POSTGRES_BIN": str(tmp_path / "nowhere")})
    ended = run.wait()
    assert (ended.status, ended.told) == (2, {}), ended.said
    assert "Traceback" not in ended.said
    assert_nothing_left(run)


def test_a_full_disk_is_said_before_anything_starts() -> None:
    with pytest.raises(StackError):
        new_folder(free_bytes_min=2**62)


@pytest.mark.long
def test_a_product_that_loses_rows_is_found(new_run: NewRun, tmp_path: Path) -> None:
    copy = spoiled_copy(
        tmp_path / "copy", "shared/sync/ingest_events.py", "def ingest_events(", "def _stores(", LOSES_ROWS
    )
    ended = new_run(
        "--minutes", "0.25", "--rate", "150", "--seed", "13", "--faults", "flaky", project=copy
    ).wait()
    assert ended.status == 1, ended.said
    broken = {check["name"] for check in ended.told["checks"] if not check["held"]}
    # What is counted adds up; only the rows can tell.
    assert broken & {"O1 ledger entries", "O1 payment orders"}
    assert not broken & {"drained", "O2 outcomes", "O2 no gaps"}
    first = next(check for check in ended.told["checks"] if not check["held"])["first_differences"]
    assert first
    assert all(each["expected"] != each["found"] for each in first)
    assert ended.told["histories"]


@pytest.mark.long
def test_a_product_that_gives_up_is_found(new_run: NewRun, tmp_path: Path) -> None:
    copy = spoiled_copy(
        tmp_path / "copy", "shared/sync/ingest_events.py", "def ingest_events(", "def _stores(", GIVES_UP
    )
    run = new_run("--minutes", "0.25", "--rate", "150", "--seed", "14", "--faults", "refuse", project=copy)
    ended = run.wait()
    assert ended.status == 1, ended.said
    assert {"drained", "O2 no gaps"} <= {c["name"] for c in ended.told["checks"] if not c["held"]}


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [101, 102])
def test_a_long_run_with_every_fault_holds(new_run: NewRun, seed: int) -> None:
    ended = new_run("--minutes", "2", "--seed", str(seed)).wait()
    assert ended.status == 0, ended.said
    assert {fault["kind"] for fault in ended.told["faults"]} == {
        f["kind"] for f in ended.told["plan"]["faults"]
    }
