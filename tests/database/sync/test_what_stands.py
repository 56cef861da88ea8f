"""What the app may not rewrite: when a hub was created, and who accepted a gap, when and why."""

from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from shared.sync.accept_gap import accept_gap
from shared.sync.watch_sync import watch_sync
from tests.support.callers import operating
from tests.support.loss import take
from tests.support.postgres import ClonedDatabase
from tests.support.roles import APP, connected_as, refusal

Owner = psycopg.Connection[Any]


def test_of_a_generation_only_when_it_was_seen_changes(runtime: Runtime, database: ClonedDatabase) -> None:
    take(runtime, [1])
    with connected_as(database, APP) as app:
        for column in ("hub", "generation", "hub_created_at"):
            assert refusal(app, f"UPDATE hub_generations SET {column} = {column}") == "42501"
        assert refusal(app, "UPDATE hub_generations SET seen_at = seen_at") is None


@pytest.mark.parametrize(
    "change",
    [
        "accepted_by = 'eve'",
        "accepted_reason = 'other'",
        "accepted_at = now()",
        "state = 'CLOSED', missing = '{}', expired = '{}', closed_at = now(), accepted_by = NULL",
    ],
)
def test_a_decision_stands(runtime: Runtime, owner: Owner, database: ClonedDatabase, change: str) -> None:
    take(runtime, [1])
    take(runtime, [4])
    watch_sync(runtime)
    ((gap_id,),) = owner.execute("SELECT gap_id FROM sequence_gaps").fetchall()
    accept_gap(runtime, operating("ada"), gap_id, "test events")
    with connected_as(database, APP) as app:
        assert refusal(app, f"UPDATE sequence_gaps SET {change}") == "23514"
        assert refusal(app, "UPDATE sequence_gaps SET accepted_by = 'ada'") is None
    take(runtime, [2, 3])
    watch_sync(runtime)
    kept = owner.execute("SELECT state, accepted_by, accepted_reason FROM sequence_gaps").fetchall()
    assert kept == [("CLOSED", "ada", "test events")]
