"""Runs that lose batches: all of it is seen, named, read again and judged; and products that fail at it are found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.simulation import Simulation, spoiled_copy

NewRun = Callable[..., Simulation]
SHORT = ("--minutes", "0.2", "--rate", "150", "--faults", "lose")
LOSSES = {"losses seen", "losses named", "losses read", "losses closed"}
# A replay that takes what it should read again for read: the gap closes, the counts add up, the rows never come.
CLOSES_ONLY = '''

def ingest_events(runtime: Runtime, batches: Sequence[EventBatch]) -> list[Any]:
    """Closes the gap and stores nothing."""
    with runtime.database.transaction() as connection:
        for batch in batches:
            connection.exec_driver_sql(
                "UPDATE stream_positions SET superseded = superseded + cardinality(%(n)s::bigint[]),"
                " received = received + (SELECT range_agg(int8range(n, n, '[]')) FROM unnest(%(n)s::bigint[]) AS n)"
                " WHERE hub = %(hub)s AND partition_id = %(partition)s",
                {
                    "n": sorted(event.sequence_number for event in batch.events),
                    "hub": batch.hub,
                    "partition": batch.partition_id,
                },
            )
    return []
'''
# A gap finder that overlooks the last hole of a partition.
MISSES_THE_LAST = '''

def holes(received: Ranges, readable_from: int | None) -> Ranges:
    """All but the last."""
    return _every_hole(received, readable_from)[:-1]
'''


def broken(told: dict[str, Any]) -> set[str]:
    return {check["name"] for check in told["checks"] if not check["held"]}


def lost_ways(told: dict[str, Any]) -> set[str | None]:
    return {loss["closed_by"] for loss in told["losses"]}


@pytest.mark.long
def test_lost_batches_are_seen_read_again_and_judged(new_run: NewRun) -> None:
    run = new_run(*SHORT, "--seed", "21")
    ended = run.wait()
    assert ended.status == 0, ended.said
    told = ended.told
    assert told["received"] >= told["published"] > 0
    assert {check["name"] for check in told["checks"]} >= LOSSES
    assert all(check["held"] and check["compared"] for check in told["checks"])
    # One fault loses a batch with events behind it, the other what comes last.
    assert [fault["kind"] for fault in told["faults"]] == ["lose", "lose-tail"]
    assert {loss["fault"] for loss in told["losses"]} == {1, 2}
    assert lost_ways(told) == {"replay", "replay --ranges"}
    first, *tails = told["replays"]
    assert first["words"] == []
    assert {"--ranges"} == {each["words"][4] for each in tails}
    assert all(each["status"] == 0 for each in told["replays"])
    lost = sum(loss["last"] - loss["first"] + 1 for loss in told["losses"])
    taken = [part["events"] for each in told["replays"] for part in each["partitions"]]
    assert sum(sum(events.values()) for events in taken) == lost
    assert max(sample["lost"] for sample in told["samples"]) == lost
    assert told["samples"][-1]["lost"] == 0
    assert all(fault["caught_up_seconds"] is not None for fault in told["faults"])
    assert run.processes() == []


@pytest.mark.long
def test_a_replay_that_stores_nothing_is_found(new_run: NewRun, tmp_path: Path) -> None:
    copy = spoiled_copy(
        tmp_path / "copy",
        "shared/sync/replay_range.py",
        "from shared.sync.ingest_events import ingest_events\n",
        "from typing import Any\n",
        CLOSES_ONLY,
    )
    ended = new_run(*SHORT, "--seed", "22", project=copy).wait()
    assert ended.status == 1, ended.said
    # For numbers all is well: only the rows can tell.
    assert broken(ended.told) & {"O1 ledger entries", "O1 payment orders"}
    assert not broken(ended.told) & {"drained", "O2 outcomes", "O2 no gaps", *LOSSES}
    assert ended.told["histories"]


@pytest.mark.long
def test_a_watch_that_overlooks_a_hole_is_found(new_run: NewRun, tmp_path: Path) -> None:
    copy = spoiled_copy(
        tmp_path / "copy", "shared/sync/loss/model.py", "def holes(", "def _every_hole(", MISSES_THE_LAST
    )
    ended = new_run(*SHORT, "--seed", "23", project=copy).wait()
    assert ended.status == 1, ended.said
    assert {"losses seen", "losses closed", "O2 no gaps"} <= broken(ended.told)
    # What was never read again is said so; the tail was.
    assert lost_ways(ended.told) == {None, "replay --ranges"}
    assert not broken(ended.told) & {"drained", "losses named", "O2 outcomes"}
