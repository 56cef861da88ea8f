"""Appending: what is written, by whom at once, what a crash leaves, and what the database refuses."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from shared.audit.append_entry import append_entry
from shared.audit.errors import EntryInvalid, EntryRefused
from shared.audit.model import GENESIS, Chain, Entry, Outcome, entry_hash
from shared.audit.verify_chain import verify_chain
from shared.runtime import Runtime
from tests.support.audit import append, facts, put, relinked, stored
from tests.support.audit_writer import append_at_once
from tests.support.postgres import ClonedDatabase
from tests.support.roles import APP, AUDITOR, MIGRATOR, connected_as, refusal
from tests.support.runtime import runtime_for

Owner = psycopg.Connection[Any]
ROOT = Path(__file__).resolve().parents[3]
REFUSED = "42501"
WAIT_SECONDS = 120


@contextmanager
def writer(url: str, threads: int, entries: int = 1) -> "Iterator[subprocess.Popen[str]]":
    """A process that is ready to append; killed at the end, if it still runs."""
    command = [sys.executable, "-m", "tests.support.audit_writer", url, str(threads), str(entries)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert told(process) == "ready"
            yield process
        finally:
            process.kill()


def told(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_an_entry_stands_as_it_was_given(runtime: Runtime, owner: Owner) -> None:
    (made,) = append(runtime, before={"state": "OPEN", "api_key": "k"})
    assert stored(owner) == [made]
    assert (made.position, made.previous_hash, made.hash_version) == (1, GENESIS, 1)
    assert made.hash == entry_hash(1, GENESIS, made.canonical)
    assert made.before == '{"api_key":"[masked]","state":"OPEN"}'


def test_the_chains_are_apart(runtime: Runtime, owner: Owner) -> None:
    append(runtime, 2)
    append(runtime, 1, chain=Chain.ACCESS, reason=None)
    append(runtime, 1)
    assert [entry.position for entry in stored(owner)] == [1, 2, 3]
    assert [entry.position for entry in stored(owner, "access")] == [1]
    assert verify_chain(runtime, Chain.ACCESS).count == 1


def test_two_entries_of_one_transaction_follow_each_other(runtime: Runtime, owner: Owner) -> None:
    with runtime.database.transaction() as connection:
        made = [append_entry(connection, facts()), append_entry(connection, facts(outcome=Outcome.FAILED))]
    assert stored(owner) == made
    assert verify_chain(runtime, Chain.CONTROL).count == 2


def test_an_entry_stands_only_with_its_transaction(runtime: Runtime, owner: Owner) -> None:
    append(runtime)
    with runtime.database.rehearsal() as connection:
        assert append_entry(connection, facts()).position == 2
    assert append(runtime)[0].position == 2
    assert len(stored(owner)) == 2


def change_with(runtime: Runtime, reason: str) -> None:
    """A change and its entry in one transaction."""
    with runtime.database.transaction() as connection:
        connection.execute(text("UPDATE sites SET name = 'changed' WHERE site_id = 'KR-SEOUL'"))
        append_entry(connection, facts(reason=reason))


def changed_sites(owner: Owner) -> int:
    row = owner.execute("SELECT count(*) FROM sites WHERE name = 'changed'").fetchone()
    return int(row[0]) if row else 0


def test_what_cannot_be_recorded_does_not_happen(runtime: Runtime, owner: Owner) -> None:
    with pytest.raises(EntryInvalid):
        change_with(runtime, "  ")
    assert (stored(owner), changed_sites(owner)) == ([], 0)
    change_with(runtime, " a reason ")
    assert ([entry.reason for entry in stored(owner)], changed_sites(owner)) == (["a reason"], 1)


def append_behind_an_old_snapshot(runtime: Runtime) -> None:
    with runtime.database.transaction() as connection:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        connection.execute(text("SELECT 1 FROM audit_entries"))
        append(runtime)
        append_entry(connection, facts())


def test_an_old_snapshot_cannot_fork_the_chain(runtime: Runtime, owner: Owner) -> None:
    with pytest.raises(EntryRefused):
        append_behind_an_old_snapshot(runtime)
    assert len(stored(owner)) == 1


def test_thirty_two_threads_never_fork(database_url: str, runtime: Runtime, owner: Owner) -> None:
    wide = runtime_for(database_url, DATABASE_POOL_SIZE="32")
    try:
        assert append_at_once(wide, 32, 4) == 128
    finally:
        wide.database.dispose()
    assert [entry.position for entry in stored(owner)] == list(range(1, 129))
    assert {entry.actor for entry in stored(owner)} == {f"writer-{n}" for n in range(32)}
    assert verify_chain(runtime, Chain.CONTROL).finding is None


def test_thirty_two_writers_in_four_processes_never_fork(
    database_url: str, runtime: Runtime, owner: Owner
) -> None:
    with (
        writer(database_url, 8, 3) as one,
        writer(database_url, 8, 3) as two,
        writer(database_url, 8, 3) as three,
        writer(database_url, 8, 3) as four,
    ):
        processes = (one, two, three, four)
        for process in processes:
            go(process)
        assert [told(process) for process in processes] == ["24"] * 4
    assert [entry.position for entry in stored(owner)] == list(range(1, 97))
    assert verify_chain(runtime, Chain.CONTROL).finding is None


def test_a_kill_between_append_and_commit_leaves_no_hole(
    database_url: str, runtime: Runtime, owner: Owner
) -> None:
    append(runtime, 2)
    with writer(database_url, 0) as process:
        go(process)
        assert told(process) == "appended 3"
        process.kill()
        process.wait(WAIT_SECONDS)
    assert append(runtime)[0].position == 3
    assert [entry.position for entry in stored(owner)] == [1, 2, 3]
    assert verify_chain(runtime, Chain.CONTROL).finding is None


@pytest.mark.parametrize("role", [APP, AUDITOR, MIGRATOR])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET reason = 'another'",
        "UPDATE audit_entries SET hash = hash",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
    ],
)
def test_nobody_changes_or_removes_an_entry(
    runtime: Runtime, database: ClonedDatabase, role: str, statement: str
) -> None:
    append(runtime)
    with connected_as(database, role) as connection:
        connection.execute("SET default_transaction_read_only = off")
        assert refusal(connection, statement) == REFUSED
        assert connection.execute("SELECT count(*) FROM audit_entries").fetchone() == (1,)


def test_the_app_cannot_take_the_rule_away(runtime: Runtime, database: ClonedDatabase) -> None:
    append(runtime)
    with connected_as(database, APP) as app:
        for statement in (
            "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
            "DROP TRIGGER append_only ON audit_entries",
            "DROP TABLE audit_entries",
            "SET session_replication_role = replica",
        ):
            assert refusal(app, statement) == REFUSED, statement


def test_the_auditor_appends_nothing(runtime: Runtime, database: ClonedDatabase) -> None:
    append(runtime)
    with connected_as(database, AUDITOR) as auditor:
        auditor.execute("SET default_transaction_read_only = off")
        statement = "INSERT INTO audit_entries SELECT * FROM audit_entries"
        assert refusal(auditor, statement) == REFUSED


LINK, UNIQUE, CHECK = "23000", "23505", "23514"


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"position": 5}, LINK),
        ({"previous_hash": b"\x01" * 32}, LINK),
        ({"appended_at": timedelta(seconds=-1)}, LINK),
        ({"position": 3}, LINK),
        ({"position": 0}, CHECK),
        ({"hash": b"\x00" * 32}, CHECK),
        ({"hash_version": 2}, CHECK),
        ({"reason": " "}, CHECK),
        ({"outcome": "MAYBE"}, CHECK),
        ({"action": "accept"}, CHECK),
        ({"chain": "other"}, LINK),
    ],
    ids=str,
)
def test_the_database_refuses_what_does_not_follow(
    runtime: Runtime, owner: Owner, changes: dict[str, Any], state: str
) -> None:
    """Whoever inserts, the owner too; the fourth entry itself is taken."""
    append(runtime, 3)
    last = stored(owner)[2]
    fourth = relinked([replace(last, position=4)], last)[0]
    values = {**vars(fourth), **changes}
    if isinstance(changes.get("appended_at"), timedelta):
        values["appended_at"] = last.appended_at + changes["appended_at"]
    with pytest.raises(psycopg.IntegrityError) as refused:
        put(owner, Entry(**values))
    assert refused.value.sqlstate == state
    put(owner, fourth)


def test_the_database_refuses_a_fork(runtime: Runtime, owner: Owner) -> None:
    append(runtime, 3)
    entries = stored(owner)
    second = relinked([replace(entries[1], reason="another")], entries[0])[0]
    with pytest.raises(psycopg.IntegrityError) as refused:
        put(owner, second)
    assert refused.value.sqlstate == UNIQUE
    beginning = relinked([replace(entries[0], reason="another")])[0]
    with pytest.raises(psycopg.IntegrityError) as again:
        put(owner, beginning)
    assert again.value.sqlstate == UNIQUE
