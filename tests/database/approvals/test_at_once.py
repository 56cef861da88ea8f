"""Two at once, and one that dies in the middle: one decision, one effect, one entry in the audit record."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg
import pytest

from shared.approvals.approve import approve
from shared.approvals.execute_approval import execute_approval
from shared.approvals.expire_approvals import expire_approvals
from shared.approvals.reject import reject
from shared.approvals.withdraw import withdraw
from shared.errors.base import CounterfoilError
from shared.runtime import Runtime
from tests.support.approvals import (
    REASON,
    actions,
    approved,
    arrive,
    correction,
    deciding,
    keyed,
    moving,
    requested,
    states,
)
from tests.support.callers import caller_with
from tests.support.killed_approval import KILLED, MOMENTS, SURVIVED
from tests.support.runtime import StandingClock, runtime_for
from tests.support.sync_events import entry, ingest

Owner = psycopg.Connection[Any]
ROOT = Path(__file__).resolve().parents[3]
ROUNDS = 12
AT_ONCE = 4
# Whoever lost: refused by a code, or answered with the winner's answer under the same key.
Act = Callable[[], object]


def at_once(acts: list[Act]) -> list[str]:
    """All of them at the same moment; `done`, or the code of what was refused."""
    barrier = Barrier(len(acts))

    def run(act: Act) -> str:
        barrier.wait(timeout=30)
        try:
            act()
        except CounterfoilError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(run, acts))


@pytest.fixture
def rows(runtime: Runtime) -> None:
    arrive(runtime)
    ingest(runtime, *(entry(n, f"r-{n}") for n in range(2, ROUNDS + 2)))


def outcomes(owner: Owner, action: str) -> list[str]:
    return [outcome for done, outcome in actions(owner) if done == action]


def test_of_several_who_approve_one_does(runtime: Runtime, owner: Owner, rows: None) -> None:
    for n in range(2, ROUNDS + 2):
        asked = requested(runtime, correction(f"r-{n}"))
        acts: list[Act] = [
            lambda who=who, asked=asked: approve(  # type: ignore[misc]
                runtime,
                deciding(caller_with("approver", principal_id=f"decider-{who}")),
                asked["approval_id"],
                asked["payload_hash"],
                REASON,
            )
            for who in range(AT_ONCE)
        ]
        assert at_once(acts) == ["APPROVAL_STATE"] * (AT_ONCE - 1) + ["done"]
    assert outcomes(owner, "approver:approval:approve").count("DONE") == ROUNDS


def test_of_several_who_execute_one_does(runtime: Runtime, owner: Owner, rows: None) -> None:
    for n in range(2, ROUNDS + 2):
        agreed = approved(runtime, correction(f"r-{n}"))
        act: Act = lambda agreed=agreed: execute_approval(  # type: ignore[misc]  # noqa: E731
            runtime, moving(), agreed["approval_id"], REASON
        )
        assert at_once([act] * AT_ONCE) == ["APPROVAL_STATE"] * (AT_ONCE - 1) + ["done"]
    assert states(owner) == [("EXECUTED", "APPLIED", 1)] * ROUNDS
    assert outcomes(owner, "requester:approval:execute").count("DONE") == ROUNDS


def test_fifty_with_one_key_are_one_execution(runtime: Runtime, owner: Owner, rows: None) -> None:
    agreed = approved(runtime)
    act: Act = lambda: execute_approval(  # noqa: E731
        runtime, moving(**keyed("one-key")), agreed["approval_id"], REASON
    )
    assert at_once([act] * 50) == ["done"] * 50
    assert states(owner) == [("EXECUTED", "APPLIED", 1)]
    assert outcomes(owner, "requester:approval:execute") == ["DONE"]


def test_of_two_who_decide_differently_one_does(runtime: Runtime, owner: Owner, rows: None) -> None:
    for n in range(2, ROUNDS + 2):
        asked = requested(runtime, correction(f"r-{n}"))
        approval_id, read = asked["approval_id"], asked["payload_hash"]
        acts: list[Act] = [
            lambda a=approval_id, h=read: approve(runtime, deciding(), a, h, REASON),  # type: ignore[misc]
            lambda a=approval_id: reject(runtime, deciding(), a, REASON),  # type: ignore[misc]
        ]
        assert at_once(acts) == ["APPROVAL_STATE", "done"]
    assert {state for state, _, _ in states(owner)} <= {"APPROVED", "REJECTED"}


def test_an_execution_and_a_withdrawal_exclude_each_other(runtime: Runtime, owner: Owner, rows: None) -> None:
    for n in range(2, ROUNDS + 2):
        approval_id = approved(runtime, correction(f"r-{n}"))["approval_id"]
        acts: list[Act] = [
            lambda a=approval_id: execute_approval(runtime, moving(), a, REASON),  # type: ignore[misc]
            lambda a=approval_id: withdraw(runtime, moving(), a, REASON),  # type: ignore[misc]
        ]
        assert at_once(acts) == ["APPROVAL_STATE", "done"]
    assert set(states(owner)) <= {("EXECUTED", "APPLIED", 1), ("WITHDRAWN", "REJECTED", 0)}


def test_of_several_who_ask_to_correct_one_row_one_does(runtime: Runtime, owner: Owner, rows: None) -> None:
    for n in range(2, ROUNDS + 2):
        act: Act = lambda n=n: requested(runtime, correction(f"r-{n}"))  # type: ignore[misc]  # noqa: E731
        assert at_once([act] * AT_ONCE) == ["CORRECTION_OPEN"] * (AT_ONCE - 1) + ["done"]
    assert states(owner) == [("PENDING", "PENDING", 0)] * ROUNDS


def test_two_sweepers_end_each_approval_once(
    runtime: Runtime, database_url: str, owner: Owner, rows: None
) -> None:
    for n in range(2, ROUNDS + 2):
        requested(runtime, correction(f"r-{n}"))
    other = runtime_for(database_url)
    for each in (runtime, other):
        assert isinstance(each.clock, StandingClock)
        each.clock.move(days=1)
    at_once([lambda: expire_approvals(runtime), lambda: expire_approvals(other)])
    other.database.dispose()
    expire_approvals(runtime)
    assert outcomes(owner, "system:approval:expire") == ["DONE"] * ROUNDS
    assert states(owner) == [("EXPIRED", "REJECTED", 0)] * ROUNDS


@pytest.fixture
def killed(database_url: str) -> Iterator[Callable[[int, str, str], int]]:
    """Carries an approval out in a process that dies at the statement of that number; the exit code."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.killed_approval", database_url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout
    assert stdout.readline() == "ready\n"

    def kill(number: int, moment: str, approval_id: str) -> int:
        stdin.write(f"{number} {moment} {approval_id}\n")
        stdin.flush()
        return int(stdout.readline())

    yield kill
    process.communicate(timeout=30)


def test_killed_at_any_statement_it_happened_whole_or_not_at_all(
    runtime: Runtime, owner: Owner, rows: None, killed: Callable[[int, str, str], int]
) -> None:
    approval_id = approved(runtime, correction("r-2"))["approval_id"]
    number, deaths, commits, next_row = 1, 0, 0, 3
    while (code := killed(number, "before", approval_id)) == KILLED:
        for moment in MOMENTS:
            if moment == "after":
                assert killed(number, moment, approval_id) == KILLED
            deaths += 1
            mine = [state for state in states(owner) if state[0] != "EXECUTED"]
            done = outcomes(owner, "requester:approval:execute")
            assert len(done) == [state[0] for state in states(owner)].count("EXECUTED")
            if not mine:
                assert moment == "after"
                commits += 1
                approval_id = approved(runtime, correction(f"r-{next_row}"))["approval_id"]
                next_row += 1
            else:
                assert mine == [("APPROVED", "APPROVED", 0)]
        number += 1
    assert code == SURVIVED
    assert (deaths >= 12, commits) == (True, 1)
    assert states(owner) == [("EXECUTED", "APPLIED", 1)] * 2
