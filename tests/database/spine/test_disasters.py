"""A command that is killed or fails at any of its statements: one entry per effect, none without, and repeats heal."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url, text

from infra.local.faults.proxy import TcpProxy
from shared.audit.model import Chain
from shared.audit.verify_chain import verify_chain
from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime
from shared.spine.commands import run_command
from tests.support.audit import stored
from tests.support.meddling import Meddler, meddled_runtime
from tests.support.spine import Renaming, command, count, keyed, renamed
from tests.support.statement_faults import RAISE_IT, act_of

Owner = psycopg.Connection[Any]
ROOT = Path(__file__).resolve().parents[3]
STATEMENTS_MAX = 40
KEY = "the-key"


def outcomes(owner: Owner) -> list[str]:
    return [entry.outcome for entry in stored(owner)]


def check(runtime: Runtime, owner: Owner, before: int) -> int:
    """One DONE entry and one key for each effect; how many effects there are more than before."""
    effects = renamed(owner)
    assert outcomes(owner).count("DONE") == effects
    assert verify_chain(runtime, Chain.CONTROL).finding is None
    return effects - before


def repeated(runtime: Runtime, owner: Owner, before: int) -> None:
    """The same request again brings the effect about if it is missing, and not a second time."""
    run_command(runtime, keyed(KEY), command(), Renaming())
    assert check(runtime, owner, before) == 1
    assert count(owner, "idempotency_keys") == 1
    owner.execute("DELETE FROM idempotency_keys")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_every_statement(database_url: str, runtime: Runtime, owner: Owner, moment: str) -> None:
    program = [sys.executable, "-m", "tests.support.killed_command", database_url]
    killed = 0
    with subprocess.Popen(
        program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in range(1, STATEMENTS_MAX):
            before = renamed(owner)
            process.stdin.write(f"{number} {moment}\n")
            process.stdin.flush()
            code = int(process.stdout.readline())
            assert check(runtime, owner, before) in (0, 1)
            repeated(runtime, owner, before)
            if code == 0:
                break
            assert code == -signal.SIGKILL
            killed += 1
        process.stdin.close()
    assert 6 <= killed < STATEMENTS_MAX - 1
    # What a killed session began is undone, and nothing says that it failed: nobody was left to say so.
    assert set(outcomes(owner)) == {"DONE"}


@pytest.mark.parametrize("code", ["40001", "40P01", "57014", "23514", "XX000"])
def test_an_error_at_every_statement(database_url: str, runtime: Runtime, owner: Owner, code: str) -> None:
    owner.execute(RAISE_IT)
    meddler = Meddler()
    meddled = meddled_runtime(database_url, meddler)
    failed = 0
    try:
        for number in range(1, STATEMENTS_MAX):
            before, entries = renamed(owner), len(stored(owner))
            with meddled.database.statement() as connection:
                connection.execute(text("SELECT 1"))
            meddler.arm(number, before=lambda: f"SELECT raise_it('{code}')")
            raised = None
            try:
                run_command(meddled, keyed(KEY), command(), Renaming())
            except Exception as error:  # noqa: BLE001 - the platform knows no difference
                raised = error
            finally:
                meddler.disarm()
            if not meddler.met:
                assert raised is None
                break
            effects = check(runtime, owner, before)
            assert effects == (0 if raised else 1), meddler.met
            # Of a failure one entry tells, unless the failure was in telling it.
            assert len(stored(owner)) - entries <= 1
            failed += outcomes(owner)[entries:] == ["FAILED"]
            repeated(runtime, owner, before)
    finally:
        meddled.database.dispose()
    assert failed >= 5


def test_a_commit_that_was_not_heard_is_looked_up(database_url: str, runtime: Runtime, owner: Owner) -> None:
    """The connection is cut between the commit and its answer: the answer is given, and nothing says that it failed."""
    port = int(make_url(database_url).port or 0)
    meddler = Meddler()
    with TcpProxy("127.0.0.1", port) as proxy:
        meddled = meddled_runtime(database_url.replace(f":{port}/", f":{proxy.port}/"), meddler)
        try:
            with meddled.database.statement() as connection:
                connection.execute(text("SELECT 1"))
            meddler.arm(STATEMENTS_MAX)
            run_command(meddled, keyed("first"), command(), Renaming())
            commit = next(n for n, sent in enumerate(meddler.sent, 1) if sent == "COMMIT")
            meddler.arm(commit, before=lambda: act_of(proxy.drop_next_answer))
            done = run_command(meddled, keyed("second"), command(), Renaming())
        finally:
            meddled.database.dispose()
    assert meddler.met == "COMMIT"
    assert (done.replayed, done.body["name"]) == (False, "renamed")
    assert (renamed(owner), outcomes(owner)) == (2, ["DONE", "DONE"])
    assert run_command(runtime, keyed("second"), command(), Renaming()).replayed is True


def test_a_commit_that_never_arrived_is_a_failure(database_url: str, runtime: Runtime, owner: Owner) -> None:
    port = int(make_url(database_url).port or 0)
    meddler = Meddler()
    with TcpProxy("127.0.0.1", port) as proxy:
        meddled = meddled_runtime(database_url.replace(f":{port}/", f":{proxy.port}/"), meddler)
        try:
            with meddled.database.statement() as connection:
                connection.execute(text("SELECT 1"))
            meddler.arm(STATEMENTS_MAX)
            run_command(meddled, keyed("first"), command(), Renaming())
            commit = next(n for n, sent in enumerate(meddler.sent, 1) if sent == "COMMIT")
            meddler.arm(commit, before=lambda: act_of(proxy.cut_all))
            with pytest.raises(DatabaseUnavailable):
                run_command(meddled, keyed("second"), command(), Renaming())
        finally:
            meddled.database.dispose()
    assert (renamed(owner), outcomes(owner)) == (1, ["DONE", "FAILED"])
    assert run_command(runtime, keyed("second"), command(), Renaming()).replayed is False
