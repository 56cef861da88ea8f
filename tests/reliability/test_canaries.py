"""Each family of disasters has a planted defect that it must find."""

from pathlib import Path

import pytest

from tests.support.canary import Defect, assert_found, assert_holds
from tests.support.postgres import ClonedDatabase
from tests.support.reliability_stories import RELIABILITY_STORIES

STORE, INGEST = "shared/sync/store.py", "shared/sync/ingest_events.py"
UPSERT = "    return [UpsertGroup(change, keys.split(SEPARATOR), *rest) for change, keys, *rest in rows]"
ADVANCE = "rows = send(connection, ADVANCE, parameters)"
GIVEN_UP = ("except RejectFlood as flood:", "except Exception as flood:\n        return []")
COUNTED_TWICE = (
    ("AND NOT p.received && %(ranges)s::int8multirange", ""),
    ("p.last_enqueued_at <= %(last_enqueued_at)s::timestamptz)", "true)"),
)
DEFECTS = (
    Defect(
        "each stream's rows are committed by themselves",
        "a_kill_at_any_statement_leaves_all_or_nothing",
        STORE,
        ((UPSERT, f"    driver(connection).commit()\n{UPSERT}"),),
    ),
    Defect(
        "the position moves in a transaction of its own",
        "a_kill_at_any_statement_leaves_all_or_nothing",
        STORE,
        ((ADVANCE, f"driver(connection).commit()\n    {ADVANCE}"),),
    ),
    Defect(
        "an error is swallowed",
        "an_error_at_any_statement_raises_and_stores_nothing",
        INGEST,
        (GIVEN_UP,),
    ),
    Defect(
        "the database's errors are not told from ours",
        "an_error_at_any_statement_raises_and_stores_nothing",
        "shared/database/database.py",
        (("if not _is_unwell(cause):", "if cause is not None:"),),
    ),
    Defect(
        "a refusal that no row explains is swallowed",
        "a_refusal_that_no_row_explains_loses_none",
        INGEST,
        (GIVEN_UP,),
    ),
    Defect(
        "a known number counts again",
        "a_lost_answer_changes_nothing",
        STORE,
        COUNTED_TWICE,
    ),
    Defect(
        "a later enqueued time does not count",
        "a_random_world_ends_in_its_fold",
        "shared/sync/statements.py",
        (("coalesce(excluded.enqueued_at,", "coalesce(stored.enqueued_at,"),),
    ),
    Defect(
        "a failure of ours makes a dead letter",
        "a_locked_row_is_no_bad_event",
        "shared/database/refusals.py",
        (("if not state.startswith(_DATA_EXCEPTIONS) and state not in _OF_A_ROW:", "if not state:"),),
    ),
    Defect(
        "the wait for a connection has no end",
        "an_exhausted_pool_is_waited_for_in_time",
        "shared/database/engine.py",
        (("pool_timeout=settings.database_pool_timeout_seconds", "pool_timeout=86_400"),),
    ),
    Defect(
        "a batch that met a dead session counts as taken",
        "terminated_backends_lose_nothing",
        INGEST,
        (GIVEN_UP,),
    ),
    Defect(
        "a batch that met a cut connection counts as taken",
        "cut_connections_lose_nothing",
        INGEST,
        (GIVEN_UP,),
    ),
    Defect(
        "a batch whose answer was lost counts again",
        "answers_to_commit_are_lost_without_a_trace",
        STORE,
        COUNTED_TWICE,
    ),
    Defect(
        "a batch delivered to two writers counts twice",
        "killed_writers_lose_nothing",
        STORE,
        COUNTED_TWICE,
    ),
    Defect(
        "a batch that met no database counts as taken",
        "a_stopped_database_loses_nothing",
        INGEST,
        (GIVEN_UP,),
    ),
)


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name)
def test_a_planted_defect_is_found(defect: Defect, tmp_path: Path, database: ClonedDatabase) -> None:
    assert_found(defect, tmp_path, database)


def test_the_story_of_an_unspoiled_copy_holds(tmp_path: Path, database: ClonedDatabase) -> None:
    """The writers of a story run the copy too."""
    assert_holds("killed_writers_lose_nothing", tmp_path, database)


def test_every_story_has_its_defect() -> None:
    assert {defect.story for defect in DEFECTS} == {story.__name__ for story in RELIABILITY_STORIES}
