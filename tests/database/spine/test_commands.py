"""Commands: the change, its entry and its answer stand together or not at all."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text

from shared.audit.model import Chain, Outcome
from shared.audit.verify_chain import verify_chain
from shared.errors.base import CounterfoilError
from shared.errors.request import RequestInvalid, UnexpectedFailure
from shared.runtime import Runtime
from shared.security.errors import NotAllowed
from shared.spine.commands import run_command
from shared.spine.errors import IdempotencyConflict
from shared.spine.model import Done, Effect
from tests.support.audit import stored
from tests.support.runtime import NOON, runtime_for
from tests.support.spine import Renaming, command, context, count, keyed, renamed

Owner = psycopg.Connection[Any]


def test_a_command_leaves_its_change_and_one_entry(runtime: Runtime, owner: Owner) -> None:
    done = run_command(runtime, context(), command(), Renaming(approval_id="app-7"))
    assert (done.status, done.replayed) == (200, False)
    assert done.body == {"name": "renamed", "at": "2026-11-23T12:00:00Z", "secret": "s3cret"}
    (entry,) = stored(owner)
    assert (entry.outcome, entry.reason, entry.occurred_at) == ("DONE", "nothing was sent", NOON)
    assert (entry.actor, entry.role, entry.site_id) == ("oid:7f1c", "administrator", "KR-SEOUL")
    assert (entry.before, entry.after) == ('{"name":"Seoul"}', '{"name":"Seoulx"}')
    assert (entry.request_id, entry.approval_id, entry.client_address) == ("req-1", "app-7", "192.0.2.7")
    assert renamed(owner) == 1


def test_what_only_the_act_knows_stands_in_its_entry(runtime: Runtime, owner: Owner) -> None:
    act = Renaming(target_id="made-1", site_id="JP-TOKYO", status=201)
    assert run_command(runtime, context(), command(target_id=None, site_id=None), act).status == 201
    (entry,) = stored(owner)
    assert (entry.target_id, entry.site_id) == ("made-1", "JP-TOKYO")


@pytest.mark.parametrize("reason", ["", "  \n ", "x" * 2_001, "a\0b", "half \ud800"])
def test_without_a_reason_nothing_is_read_or_written(runtime: Runtime, owner: Owner, reason: str) -> None:
    act = Renaming()
    with pytest.raises(RequestInvalid) as refused:
        run_command(runtime, keyed("k"), command(reason=reason), act)
    assert [each.field for each in refused.value.fields] == ["reason"]
    assert (act.calls, stored(owner), count(owner, "idempotency_keys")) == (0, [], 0)


def failing(error: Exception) -> Callable[[Connection, datetime], Effect]:
    """An act that changes something, and then fails."""

    def act(connection: Connection, now: datetime) -> Effect:
        Renaming()(connection, now)
        raise error

    return act


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (NotAllowed("no"), Outcome.DENIED, NotAllowed.code),
        (IdempotencyConflict("no"), Outcome.FAILED, IdempotencyConflict.code),
        (ZeroDivisionError("no"), Outcome.FAILED, UnexpectedFailure.code),
    ],
)
def test_a_failure_is_rolled_back_and_recorded_once(
    runtime: Runtime, owner: Owner, error: Exception, outcome: Outcome, code: str
) -> None:
    with pytest.raises(type(error)):
        run_command(runtime, keyed("k"), command(), failing(error))
    (entry,) = stored(owner)
    assert (entry.outcome, entry.reason, entry.before) == (outcome, "nothing was sent", None)
    assert entry.after == f'{{"code":"{code}"}}'
    assert (renamed(owner), count(owner, "idempotency_keys")) == (0, 0)
    assert run_command(runtime, keyed("k"), command(), Renaming()).replayed is False


def test_a_statement_that_is_refused_is_recorded(runtime: Runtime, owner: Owner) -> None:
    def act(connection: Connection, _now: datetime) -> Effect:
        connection.execute(text("SELECT 1/0"))
        raise AssertionError("it went on")

    with pytest.raises(Exception, match="division") as raised:
        run_command(runtime, context(), command(), act)
    assert not isinstance(raised.value, CounterfoilError)
    assert [entry.outcome for entry in stored(owner)] == ["FAILED"]


def test_an_effect_that_cannot_be_recorded_does_not_happen(runtime: Runtime, owner: Owner) -> None:
    with pytest.raises(CounterfoilError) as raised:
        run_command(runtime, context(), command(), Renaming(after={"ratio": 0.5}))
    assert raised.value.code == "AUDIT_ENTRY_INVALID"
    assert ([entry.outcome for entry in stored(owner)], renamed(owner)) == (["FAILED"], 0)


def test_a_repeat_gets_the_first_answer_without_its_secrets(runtime: Runtime, owner: Owner) -> None:
    act = Renaming(status=201, secrets=frozenset({"secret"}))
    first = run_command(runtime, keyed("k"), command(), act)
    again = run_command(runtime, keyed("k"), command(), act)
    assert (first.status, first.body["secret"], first.replayed) == (201, "s3cret", False)
    assert again == Done(201, {**first.body, "secret": None}, replayed=True)
    assert list(again.body) == list(first.body)
    assert (act.calls, renamed(owner), len(stored(owner))) == (1, 1, 1)
    assert b"s3cret" not in b"".join(row[0] for row in owner.execute("SELECT body FROM idempotency_keys"))


def test_a_repeat_is_a_read_and_recorded_as_one(runtime: Runtime, owner: Owner) -> None:
    act = Renaming(status=201)
    run_command(runtime, keyed("k"), command(), act)
    assert count(owner, "access_records") == 0
    run_command(runtime, keyed("k"), command(), act)
    rows = owner.execute("SELECT actor, resource, status, code, result_count FROM access_records").fetchall()
    assert rows == [("oid:7f1c", keyed("k").resource, 201, None, 1)]
    owner.execute("ALTER TABLE access_records RENAME TO gone")
    with pytest.raises(Exception, match="access_records"):
        run_command(runtime, keyed("k"), command(), act)
    assert (act.calls, [entry.outcome for entry in stored(owner)]) == (1, ["DONE"])


def test_a_key_belongs_to_one_request_of_one_principal(runtime: Runtime, owner: Owner) -> None:
    run_command(runtime, keyed("k"), command(), Renaming())
    with pytest.raises(IdempotencyConflict):
        run_command(runtime, keyed("k", b"another"), command(), Renaming())
    other = context().caller
    other = type(other)(**{**vars(other), "principal_id": "prn-2"})
    assert run_command(runtime, keyed("k", who=other), command(), Renaming()).replayed is False
    assert (renamed(owner), [entry.outcome for entry in stored(owner)]) == (2, ["DONE", "FAILED", "DONE"])


def test_a_key_ends_after_a_day(runtime: Runtime, owner: Owner) -> None:
    run_command(runtime, keyed("k"), command(), Renaming())
    owner.execute("UPDATE idempotency_keys SET created_at = created_at - interval '23 hours 59 minutes'")
    assert run_command(runtime, keyed("k"), command(), Renaming()).replayed is True
    owner.execute("UPDATE idempotency_keys SET created_at = created_at - interval '2 minutes'")
    assert run_command(runtime, keyed("k", b"another"), command(), Renaming()).replayed is False
    assert run_command(runtime, keyed("k", b"another"), command(), Renaming()).replayed is True
    assert renamed(owner) == 2


@pytest.mark.parametrize("round_", range(3))
def test_fifty_at_once_have_one_effect(database_url: str, owner: Owner, round_: int) -> None:
    wide = runtime_for(database_url, DATABASE_POOL_SIZE="25", DATABASE_POOL_TIMEOUT_SECONDS="60")
    act = Renaming(secrets=frozenset({"secret"}))

    def ask(_number: int) -> Done:
        return run_command(wide, keyed(f"k-{round_}"), command(), act)

    try:
        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(ask, range(50)))
    finally:
        wide.database.dispose()
    assert sum(not answer.replayed for answer in answers) == 1
    assert len({str({**answer.body, "secret": None}) for answer in answers}) == 1
    assert (act.calls, renamed(owner), len(stored(owner))) == (1, 1, 1)


def test_failures_at_once_never_fork_the_chain(database_url: str, owner: Owner) -> None:
    wide = runtime_for(database_url, DATABASE_POOL_SIZE="16", DATABASE_POOL_TIMEOUT_SECONDS="60")

    def ask(number: int) -> None:
        if number % 2:
            run_command(wide, context(), command(), Renaming())
        else:
            with pytest.raises(ZeroDivisionError):
                run_command(wide, context(), command(), failing(ZeroDivisionError()))

    try:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(ask, range(32)))
        assert verify_chain(wide, Chain.CONTROL).finding is None
    finally:
        wide.database.dispose()
    outcomes = [entry.outcome for entry in stored(owner)]
    assert (outcomes.count("DONE"), outcomes.count("FAILED"), renamed(owner)) == (16, 16, 16)
