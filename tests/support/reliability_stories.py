"""Stories of disasters: by the tests on the product, by the canaries on a spoiled copy. Each is small; the campaigns
under the marker `long` do the same at length.
"""

import tempfile
from pathlib import Path
from typing import Any

import psycopg

from shared.runtime import Runtime
from tests.support import statement_faults, unwell
from tests.support.load import Load
from tests.support.oracle import Oracle, folded
from tests.support.stories import Story
from tests.support.sync_events import ingest, outcomes
from tests.support.sync_state import assert_converged
from tests.support.worlds import PARTITIONS, World

Owner = psycopg.Connection[Any]
SEED = 31
EVENTS = 1_500


def load_of(runtime: Runtime) -> Load:
    """Two writers for a few seconds."""
    return Load(runtime.settings.database_url, SEED, EVENTS)


def a_kill_at_any_statement_leaves_all_or_nothing(runtime: Runtime, owner: Owner) -> None:
    """Of all kills only the one after the batch's COMMIT finds it stored."""
    assert sum(statement_faults.kill_at_every_statement(runtime, owner)) == 1


def an_error_at_any_statement_raises_and_stores_nothing(runtime: Runtime, owner: Owner) -> None:
    """Every kind of error meets every fifth statement, each kind others."""
    assert statement_faults.errors_at_every_statement(runtime, owner, every=5) > 0


def a_refusal_that_no_row_explains_loses_none(runtime: Runtime, owner: Owner) -> None:
    """What speaks of a row, but comes again without it, is raised or overcome."""
    assert statement_faults.refusals_at_every_statement(runtime, owner, every=5) > 0


def a_lost_answer_changes_nothing(runtime: Runtime, owner: Owner) -> None:
    """The connection ends before a statement arrives, or before its answer does; also that of COMMIT."""
    assert statement_faults.resets_at_every_statement(runtime, owner) > 0


def a_random_world_ends_in_its_fold(runtime: Runtime, owner: Owner) -> None:
    """Ties, absent ages, re-pointed entries and unsteady clocks: every call's outcomes, and the end, are the fold's."""
    world, oracle = World(SEED, events=200, orders=10), Oracle()
    print(f"seed {SEED}")
    for partition in PARTITIONS:
        for call in world.calls(partition, 20):
            assert outcomes(ingest(runtime, *call)) == oracle.take(call)
    assert_converged(owner, folded(world.events))


def a_locked_row_is_no_bad_event(runtime: Runtime, owner: Owner) -> None:
    """A lock that is not had in time holds the batch, also while the database looks for a row it refuses."""
    unwell.row_locked(runtime, owner)


def an_exhausted_pool_is_waited_for_in_time(runtime: Runtime, owner: Owner) -> None:
    """With every connection in use an ingest waits for a bounded time and says that the database is unwell."""
    unwell.pool_exhausted(runtime, owner)


def terminated_backends_lose_nothing(runtime: Runtime, owner: Owner) -> None:
    """A backend dies every 200 ms under writers: nothing is lost, doubled or quarantined."""
    unwell.backends_terminated_at_random(owner, load_of(runtime), times=8)


def cut_connections_lose_nothing(runtime: Runtime, owner: Owner) -> None:
    """Connections break at random bytes: nothing is lost, doubled or quarantined."""
    unwell.connections_cut_at_random(owner, load_of(runtime), probability=0.01, cuts_min=10)


def answers_to_commit_are_lost_without_a_trace(runtime: Runtime, owner: Owner) -> None:
    """Between COMMIT and its answer the connection ends: what comes again counts as redelivered."""
    unwell.answers_to_commit_lost(owner, load_of(runtime), times=10)


def killed_writers_lose_nothing(runtime: Runtime, owner: Owner) -> None:
    """A writer is killed at random and comes back at its last checkpoint: nothing is lost or doubled."""
    unwell.writers_killed(owner, load_of(runtime), times=3)


def a_stopped_database_loses_nothing(runtime: Runtime, _owner: Owner) -> None:
    """Stopped, thrown down and killed under load, the server comes back, and the writers catch up by themselves."""
    with tempfile.TemporaryDirectory() as folder:
        unwell.database_stopped(Path(folder) / "postgres", load_of(runtime), seconds_down=0.3)


RELIABILITY_STORIES: tuple[Story, ...] = (
    a_kill_at_any_statement_leaves_all_or_nothing,
    an_error_at_any_statement_raises_and_stores_nothing,
    a_refusal_that_no_row_explains_loses_none,
    a_lost_answer_changes_nothing,
    a_random_world_ends_in_its_fold,
    a_locked_row_is_no_bad_event,
    an_exhausted_pool_is_waited_for_in_time,
    terminated_backends_lose_nothing,
    cut_connections_lose_nothing,
    answers_to_commit_are_lost_without_a_trace,
    killed_writers_lose_nothing,
    a_stopped_database_loses_nothing,
)
