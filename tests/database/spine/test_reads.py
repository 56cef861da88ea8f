"""Reads: one record each, in the transaction that reads, and no answer without it."""

import hashlib
import hmac
import json
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from shared.adapters.secrets import SecretUnavailable
from shared.errors.base import DatabaseUnavailable
from shared.lookup.errors import TransactionNotFound
from shared.runtime import Runtime
from shared.security.model import Scope
from shared.spine.reads import recorded_read
from tests.support.postgres import ClonedDatabase
from tests.support.roles import APP, AUDITOR, MIGRATOR, connected_as, refusal
from tests.support.runtime import MADE_SECRETS, NOON, HeldSecrets
from tests.support.spine import caller, context, count

Owner = psycopg.Connection[Any]
COLUMNS = "actor, principal_type, role, site_id, permission, resource, status, code, result_count, request_id"


def records(owner: Owner, columns: str = COLUMNS) -> list[tuple[Any, ...]]:
    return owner.execute(f"SELECT {columns} FROM access_records ORDER BY record_id").fetchall()


def test_a_read_leaves_one_record(runtime: Runtime, owner: Owner) -> None:
    asked = context(query={"limit": "20", "id": "[masked]"})
    with recorded_read(runtime, asked, ["tx-1", "wal-1"]) as reading:
        reading.count, reading.site_id = 7, "KR-SEOUL"
        assert reading.now == NOON
    person = ("oid:7f1c", "PERSON", "administrator", "KR-SEOUL", "site:lookup:read", "http_tx")
    assert records(owner) == [(*person, 200, None, 7, "req-1")]
    ((query, looked_up, version, at),) = records(owner, "query, looked_up, key_version, occurred_at")
    assert (json.loads(query), version, at) == ({"id": "[masked]", "limit": "20"}, "v1", NOON)
    key = MADE_SECRETS["access-hash-key"][0].encode()
    assert looked_up == [hmac.new(key, each, hashlib.sha256).digest() for each in (b"tx-1", b"wal-1")]


def test_a_read_sees_one_state(runtime: Runtime, owner: Owner) -> None:
    look = text("SELECT name FROM sites WHERE site_id = 'KR-SEOUL'")
    with recorded_read(runtime, context()) as reading:
        first = reading.connection.execute(look).scalar()
        owner.execute("UPDATE sites SET name = 'another' WHERE site_id = 'KR-SEOUL'")
        assert reading.connection.execute(look).scalar() == first
    assert count(owner, "access_records") == 1


def test_what_is_not_found_is_recorded_and_raised(runtime: Runtime, owner: Owner) -> None:
    with pytest.raises(TransactionNotFound), recorded_read(runtime, context(), ["tx-9"]):
        raise TransactionNotFound("tx-9")
    assert records(owner, "status, code, result_count") == [(404, "TX_NOT_FOUND", 0)]


@pytest.mark.parametrize("error", [DatabaseUnavailable("gone"), ZeroDivisionError()])
def test_our_own_failures_are_no_access(runtime: Runtime, owner: Owner, error: Exception) -> None:
    with pytest.raises(type(error)), recorded_read(runtime, context()):
        raise error
    assert count(owner, "access_records") == 0


def test_without_a_record_nothing_is_answered(runtime: Runtime, owner: Owner) -> None:
    owner.execute("REVOKE INSERT ON access_records FROM counterfoil_app")
    with pytest.raises(Exception, match="access_records"), recorded_read(runtime, context()):
        pass
    assert count(owner, "access_records") == 0


def test_without_the_hash_key_nothing_is_looked_up(runtime: Runtime) -> None:
    secrets = runtime.secrets
    assert isinstance(secrets, HeldSecrets)
    secrets.reachable = False
    with pytest.raises(SecretUnavailable), recorded_read(runtime, context(), ["tx-1"]):
        raise AssertionError("it was read")


def test_the_role_is_the_one_used_on_that_site(runtime: Runtime, owner: Owner) -> None:
    there = caller(Scope(frozenset({"JP-TOKYO"})))
    for site in ("JP-TOKYO", "KR-SEOUL"):
        with recorded_read(runtime, context(there)) as reading:
            reading.site_id = site
    assert records(owner, "role, site_id") == [("administrator", "JP-TOKYO"), (None, "KR-SEOUL")]


def test_what_a_caller_says_of_itself_is_kept_storable(runtime: Runtime, owner: Owner) -> None:
    with recorded_read(runtime, context(user_agent="a\0b\ud800" + "x" * 900)):
        pass
    ((agent,),) = records(owner, "user_agent")
    assert (agent[:3], len(agent)) == ("ab?", 499)


@pytest.mark.parametrize("role", [APP, AUDITOR, MIGRATOR, "counterfoil_retention"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access_records SET actor = 'another'",
        "DELETE FROM access_records",
        "TRUNCATE access_records",
        "DELETE FROM access_records_default",
    ],
)
def test_nobody_changes_or_removes_a_record(
    runtime: Runtime, database: ClonedDatabase, role: str, statement: str
) -> None:
    with recorded_read(runtime, context()):
        pass
    with connected_as(database, role) as connection:
        connection.execute("SET default_transaction_read_only = off")
        if role == MIGRATOR and statement.startswith("DELETE FROM access_records_default"):
            # Of no row: those that are there stand in the partition of their day.
            assert refusal(connection, statement) is None
        else:
            assert refusal(connection, statement) == "42501"
        assert connection.execute("SELECT count(*) FROM access_records").fetchone() == (1,)
