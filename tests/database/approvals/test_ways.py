"""The ways of an approval: all sequences of commands keep to them, and the database refuses every other."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from itertools import product
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.approvals.approve import approve
from shared.approvals.execute_approval import execute_approval
from shared.approvals.expire_approvals import expire_approvals
from shared.approvals.model import EDGES, ApprovalState
from shared.approvals.reject import reject
from shared.approvals.withdraw import withdraw
from shared.errors.base import CounterfoilError
from shared.runtime import Runtime
from tests.support.approvals import (
    LASTS,
    REASON,
    approved,
    arrive,
    correction,
    deciding,
    moving,
    requested,
    states,
)
from tests.support.postgres import ClonedDatabase
from tests.support.roles import APP, connected_as
from tests.support.runtime import NOON, StandingClock
from tests.support.sync_events import entry, ingest

Owner = psycopg.Connection[Any]
# What each command makes of each state, written out beside the product's own table; anything else changes nothing.
WAYS = {
    ("PENDING", "approve"): "APPROVED",
    ("PENDING", "reject"): "REJECTED",
    ("PENDING", "withdraw"): "WITHDRAWN",
    ("PENDING", "expire"): "EXPIRED",
    ("APPROVED", "execute"): "EXECUTED",
    ("APPROVED", "withdraw"): "WITHDRAWN",
    ("APPROVED", "expire"): "EXPIRED",
}
COMMANDS = ("approve", "reject", "withdraw", "execute", "expire")
CORRECTIONS = {
    "PENDING": ("PENDING", 0), "APPROVED": ("APPROVED", 0), "EXECUTED": ("APPLIED", 1),
    "REJECTED": ("REJECTED", 0), "WITHDRAWN": ("REJECTED", 0), "EXPIRED": ("REJECTED", 0),
}  # fmt: skip


def give(runtime: Runtime, command: str, asked: dict[str, Any]) -> None:
    """The command, by whoever may give it."""
    approval_id = asked["approval_id"]
    acts: dict[str, Callable[[], object]] = {
        "approve": lambda: approve(runtime, deciding(), approval_id, asked["payload_hash"], REASON),
        "reject": lambda: reject(runtime, deciding(), approval_id, REASON),
        "withdraw": lambda: withdraw(runtime, moving(), approval_id, REASON),
        "execute": lambda: execute_approval(runtime, moving(), approval_id, REASON),
        "expire": lambda: _let_time_pass(runtime),
    }
    acts[command]()


def _let_time_pass(runtime: Runtime) -> None:
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.move(seconds=LASTS.total_seconds())
    expire_approvals(runtime)


def state_of(owner: Owner, approval_id: str) -> str:
    row = owner.execute("SELECT state FROM approvals WHERE approval_id = %s", [approval_id]).fetchone()
    assert row is not None
    return str(row[0])


def follow(runtime: Runtime, owner: Owner, target: str, commands: tuple[str, ...]) -> None:
    """Every command leaves the approval, its correction and its entries where the ways say."""
    asked = requested(runtime, correction(target, "ANNOTATE"))
    state, over = "PENDING", False
    for command in commands:
        expected = WAYS.get((state, command), state)
        if over and command != "expire":
            expected = state
        if expected == state and command != "expire":
            with pytest.raises(CounterfoilError):
                give(runtime, command, asked)
        else:
            give(runtime, command, asked)
        over = over or command == "expire"
        state = expected
        assert state_of(owner, asked["approval_id"]) == state
    found = owner.execute(
        "SELECT c.state, count(e.correction_id) FROM corrections AS c LEFT JOIN correction_entries AS e"
        " USING (correction_id) WHERE c.approval_id = %s GROUP BY c.state",
        [asked["approval_id"]],
    ).fetchall()
    assert found == [CORRECTIONS[state]]


@pytest.fixture
def one_row(runtime: Runtime) -> None:
    arrive(runtime)


def test_the_ways_are_the_products() -> None:
    assert {(a, b) for (a, _), b in WAYS.items()} == {(a, b) for b, many in EDGES.items() for a in many}


def test_every_sequence_of_two_commands(runtime: Runtime, owner: Owner) -> None:
    sequences = list(product(COMMANDS, repeat=2))
    ingest(runtime, *(entry(n, f"s-{n}") for n in range(len(sequences))))
    for number, commands in enumerate(sequences):
        follow(runtime, owner, f"s-{number}", commands)


@pytest.mark.usefixtures("one_row")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(commands=st.lists(st.sampled_from(COMMANDS), min_size=3, max_size=7).map(tuple))
def test_any_sequence_of_commands(runtime: Runtime, owner: Owner, commands: tuple[str, ...]) -> None:
    with_open = owner.execute(
        "SELECT approval_id FROM approvals WHERE state IN ('PENDING', 'APPROVED')"
    ).fetchall()
    for (approval_id,) in with_open:
        withdraw(runtime, moving(), approval_id, REASON)
    follow(runtime, owner, "t-1", commands)


EVERY_EDGE = list(product([each.value for each in ApprovalState], repeat=2))
DECIDED = ("decided_by", "decided_as", "decided_at", "decision_reason")
CLOSED = ("closed_by", "closed_as", "closed_at", "close_reason")
EXPIRES = NOON + LASTS


def row_in(state: str) -> dict[str, object]:
    """A row of a kind without a record of its own, as it stands in that state."""
    row: dict[str, object] = {
        "approval_id": f"a-{state}", "kind": "POLICY", "target_type": "role", "payload": b"{}",
        "payload_hash": sha256(b"{}").digest(), "reason": "r", "state": state, "requested_by": "one",
        "requested_as": "one", "requested_at": NOON, "expires_at": EXPIRES,
    }  # fmt: skip
    return {**row, **moved_to(state)} if state != "PENDING" else row


def moved_to(state: str) -> dict[str, object]:
    """What a move to that state writes; what leads to it as well, where a row begins there."""
    found: dict[str, object] = {}
    if state in ("APPROVED", "REJECTED", "EXECUTED"):
        found |= zip(DECIDED, ("two", "two", NOON, "yes"), strict=True)
    if state in ("EXECUTED", "WITHDRAWN", "EXPIRED"):
        found |= zip(CLOSED, ("one", "one", EXPIRES if state == "EXPIRED" else NOON, "end"), strict=True)
    return found


def move(app: Owner, before: str, after: str) -> str | None:
    """Which constraint refused the move."""
    values = {"state": after, **moved_to(after)}
    if before == "APPROVED":
        values = {name: value for name, value in values.items() if name not in DECIDED}
    names = ", ".join(f"{name} = %({name})s" for name in values)
    statement = f"UPDATE approvals SET {names} WHERE approval_id = %(id)s"
    try:
        app.execute(statement.encode(), {**values, "id": f"a-{before}"})
    except psycopg.IntegrityError as error:
        return error.diag.constraint_name
    return None


def test_the_database_knows_the_ways_too(database: ClonedDatabase, owner: Owner) -> None:
    """Rows are put where each way must begin; then the application's role tries to move them, past all code."""
    allowed = {(a, b) for (a, _), b in WAYS.items()}
    with connected_as(database, APP) as app:
        for before, after in EVERY_EDGE:
            owner.execute("ALTER TABLE approvals DISABLE TRIGGER USER")
            owner.execute("DELETE FROM approvals")
            row = row_in(before)
            places = ", ".join(f"%({name})s" for name in row)
            owner.execute(f"INSERT INTO approvals ({', '.join(row)}) VALUES ({places})".encode(), row)
            owner.execute("ALTER TABLE approvals ENABLE TRIGGER USER")
            refused = move(app, before, after)
            assert (refused is None) == ((before, after) in allowed), (before, after, refused)
            assert refused in (None, "approvals_edge")
            assert state_of(owner, f"a-{before}") == (before if refused else after)


FINISH = "closed_by = requested_by, closed_as = 'x', closed_at = now(), close_reason = 'x'"
DECIDE = "decided_as = 'x', decision_reason = 'x', decided_at = requested_at"
LATE = DECIDE.replace("requested_at", "expires_at")


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (
            f"UPDATE approvals SET state = 'APPROVED', decided_by = requested_by, {DECIDE}",
            "ck_approvals_four_eyes",
        ),
        (
            f"UPDATE approvals SET state = 'REJECTED', decided_by = requested_by, {DECIDE}",
            "ck_approvals_four_eyes",
        ),
        (
            f"UPDATE approvals SET state = 'APPROVED', decided_by = 'x', {LATE}",
            "ck_approvals_in_time",
        ),
        (
            f"UPDATE approvals SET state = 'EXPIRED', {FINISH.replace('now()', 'requested_at')}",
            "ck_approvals_in_time",
        ),
        (
            f"UPDATE approvals SET state = 'WITHDRAWN', {FINISH.replace('requested_by', chr(39) + 'x' + chr(39))}",
            "ck_approvals_withdrawn_by",
        ),
        ("UPDATE approvals SET state = 'APPROVED'", "ck_approvals_decided"),
        ("UPDATE approvals SET state = 'WITHDRAWN'", "ck_approvals_closed"),
    ],
)
def test_the_database_refuses_what_one_person_does_alone(
    runtime: Runtime, database: ClonedDatabase, owner: Owner, statement: str, constraint: str
) -> None:
    """As the application's role, past all code."""
    arrive(runtime)
    requested(runtime)
    with connected_as(database, APP) as app, pytest.raises(psycopg.IntegrityError) as refused:
        app.execute(statement.encode())
    assert refused.value.diag.constraint_name == constraint
    assert states(owner) == [("PENDING", "PENDING", 0)]


@pytest.mark.parametrize(
    "column",
    ["payload", "payload_hash", "base_version", "requested_by", "expires_at", "site_id", "kind", "reason"],
)
def test_what_was_asked_for_is_not_written_anew(
    runtime: Runtime, database: ClonedDatabase, owner: Owner, column: str
) -> None:
    """The application has no right to; its owner, who has, meets the trigger."""
    arrive(runtime)
    approved(runtime)
    value = {
        "expires_at": "expires_at + interval '1 hour'",
        "payload": "'{}'",
        "payload_hash": "sha256('{}')",
    }
    statement = f"UPDATE approvals SET {column} = {value.get(column, repr('x'))}"
    with connected_as(database, APP) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(statement.encode())
    closing = f"{statement}, state = 'WITHDRAWN', {FINISH}"
    with pytest.raises(psycopg.IntegrityError) as refused:
        owner.execute(closing.encode())
    assert refused.value.diag.constraint_name in (
        "approvals_fixed",
        "ck_approvals_payload_hash",
        "ck_approvals_kind",
    )
    assert states(owner) == [("APPROVED", "APPROVED", 0)]


@pytest.mark.parametrize("statement", ["DELETE FROM approvals", "TRUNCATE approvals CASCADE"])
def test_no_approval_is_removed(runtime: Runtime, owner: Owner, statement: str) -> None:
    arrive(runtime)
    requested(runtime)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(statement.encode())


def test_a_request_of_a_longer_time_is_not_stored(runtime: Runtime, owner: Owner) -> None:
    arrive(runtime)
    requested(runtime)
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        owner.execute(
            "INSERT INTO approvals (approval_id, kind, target_type, payload, payload_hash, reason, requested_by,"
            " requested_as, requested_at, expires_at) SELECT 'x', 'POLICY', target_type, payload, payload_hash, reason,"
            " requested_by, requested_as, requested_at, requested_at + %s FROM approvals",
            [timedelta(days=30, seconds=1)],
        )
    assert refused.value.diag.constraint_name == "ck_approvals_expiry"
