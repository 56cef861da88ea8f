"""Seals: every record in exactly one, late ones too, and whatever is not as it was sealed is found."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from shared.audit.access import seal_access_records as sealing
from shared.audit.access.model import record_line
from shared.audit.access.store import list_sealed
from shared.audit.access.unsealed import find_unsealed
from shared.audit.links import Finding, Flaw
from shared.audit.model import Action, Chain
from shared.audit.verify_chain import verify_chain
from shared.runtime import Runtime
from tests.support.access import AT_ONCE, check, read, seal, seals, spoil
from tests.support.audit import append, disarm, put, relinked, stored
from tests.support.postgres import ClonedDatabase
from tests.support.roles import APP, connected_as
from tests.support.runtime import runtime_for
from tests.support.spine import count

Owner = psycopg.Connection[Any]
ADD = """
INSERT INTO access_records (occurred_at, actor, principal_type, permission, resource, status, result_count, duration_us,
    request_id, query, looked_up) VALUES (now(), 'late', 'PERSON', 'p', 'r', 200, 1, 1, 'req', '{}', '{}')
"""


def ids(owner: Owner) -> list[int]:
    return [row[0] for row in owner.execute("SELECT record_id FROM access_records ORDER BY 1").fetchall()]


def sealed_ids(owner: Owner) -> list[int]:
    return [number for each in seals(owner) for run in each.ranges for number in run]


def test_a_seal_takes_what_is_committed_once(runtime: Runtime, owner: Owner) -> None:
    read(runtime, 3)
    assert (seal(runtime), seal(runtime)) == (3, 0)
    read(runtime, 2)
    assert seal(runtime) == 2
    assert [each.count for each in seals(owner)] == [3, 2]
    assert sealed_ids(owner) == ids(owner)
    (first, _) = stored(owner, "access")
    assert (first.action, first.principal_type, first.reason) == (Action.ACCESS_SEAL, "SYSTEM", None)
    result = check(runtime)
    assert (result.seals, result.records, result.archived, result.finding) == (2, 5, 0, None)
    assert verify_chain(runtime, Chain.ACCESS).finding is None


def test_nothing_younger_than_five_seconds_is_sealed(runtime: Runtime, owner: Owner) -> None:
    read(runtime, 2)
    assert sealing.seal_access_records(runtime) == 0
    assert (count(owner, "audit_entries"), sealing.AGE_SECONDS_MIN) == (0, 5.0)
    spoil(owner, "UPDATE access_records SET recorded_at = recorded_at - interval '5 seconds'")
    assert sealing.seal_access_records(runtime) == 2


def test_a_late_commit_goes_into_the_next_seal(
    runtime: Runtime, owner: Owner, database: ClonedDatabase
) -> None:
    with connected_as(database, APP) as early, connected_as(database, APP) as other:
        early.execute("BEGIN")
        early.execute(ADD)
        read(runtime, 3)
        other.execute("BEGIN")
        other.execute(ADD)
        assert seal(runtime) == 3
        read(runtime, 1)
        assert seal(runtime) == 1
        early.execute("COMMIT")
        assert seal(runtime) == 1
        other.execute("ROLLBACK")
    assert seal(runtime) == 0
    assert [each.count for each in seals(owner)] == [3, 1, 1]
    assert sorted(sealed_ids(owner)) == ids(owner)
    assert check(runtime).finding is None


def test_sealers_at_once_take_nothing_twice(database_url: str, runtime: Runtime, owner: Owner) -> None:
    wide = runtime_for(database_url, DATABASE_POOL_SIZE="8")
    try:
        for _ in range(3):
            read(runtime, 5)
            with ThreadPoolExecutor(6) as pool:
                assert sum(pool.map(lambda _: seal(wide), range(6))) == 5
    finally:
        wide.database.dispose()
    assert sealed_ids(owner) == ids(owner)
    assert check(runtime).finding is None


def test_readers_and_sealers_at_once_lose_nothing(database_url: str, runtime: Runtime, owner: Owner) -> None:
    wide = runtime_for(database_url, DATABASE_POOL_SIZE="6", DATABASE_POOL_TIMEOUT_SECONDS="60")

    def work(number: int) -> None:
        if number % 4:
            read(wide, 10)
        else:
            for _ in range(10):
                seal(wide)

    try:
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(8)))
    finally:
        wide.database.dispose()
    seal(runtime)
    assert sorted(sealed_ids(owner)) == ids(owner)
    assert (len(ids(owner)), check(runtime).finding) == (60, None)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access_records SET actor = 'oid:7f1d' WHERE record_id = %s",
        "UPDATE access_records SET looked_up = '{}' WHERE record_id = %s",
        "UPDATE access_records SET duration_us = duration_us + 1 WHERE record_id = %s",
        "UPDATE access_records SET recorded_at = recorded_at + interval '1 microsecond' WHERE record_id = %s",
        "DELETE FROM access_records WHERE record_id = %s",
        "UPDATE access_records SET query = '{ }' WHERE record_id = %s",
    ],
)
def test_a_changed_record_is_found_by_its_seal(runtime: Runtime, owner: Owner, statement: str) -> None:
    for _ in range(3):
        read(runtime, 2)
        seal(runtime)
    fourth = ids(owner)[3]
    assert spoil(owner, statement, fourth) == 1
    assert check(runtime).finding == Finding(Flaw.RECORDS_DIFFER, 2)


def test_a_record_put_under_a_sealed_id_is_found(runtime: Runtime, owner: Owner) -> None:
    read(runtime, 3)
    seal(runtime)
    known = ids(owner)[1]
    spoil(
        owner,
        "INSERT INTO access_records (record_id, recorded_at, occurred_at, actor, principal_type, permission, resource,"
        " status, result_count, duration_us, request_id, query, looked_up) OVERRIDING SYSTEM VALUE"
        " SELECT record_id, recorded_at + interval '1 microsecond', occurred_at, 'other', principal_type, permission,"
        " resource, status, result_count, duration_us, request_id, query, '{}' FROM access_records"
        " WHERE record_id = %s",
        known,
    )
    assert check(runtime).finding == Finding(Flaw.RECORDS_DIFFER, 1)


def test_every_stored_field_is_in_the_line(runtime: Runtime, owner: Owner) -> None:
    read(runtime, 1)
    seal(runtime)
    (one,) = seals(owner)
    with runtime.database.statement() as connection:
        (record,) = list_sealed(connection, one.first_recorded_at, one.last_recorded_at, one.ids)
    columns = {
        row[0]
        for row in owner.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'access_records'::regclass AND attnum > 0"
        ).fetchall()
    }
    assert columns == set(vars(record))
    assert record_line(record).startswith(b'{"record_id":')


def test_a_missing_seal_leaves_records_unsealed(runtime: Runtime, owner: Owner) -> None:
    read(runtime, 2)
    seal(runtime)
    read(runtime, 3)
    assert find_unsealed(runtime.database, AT_ONCE)[0] == 3
    assert find_unsealed(runtime.database, timedelta(minutes=5))[0] == 0
    disarm(owner)
    owner.execute("DELETE FROM audit_entries WHERE chain = 'access'")
    unsealed, oldest = find_unsealed(runtime.database, AT_ONCE)
    assert unsealed == 5
    assert oldest is not None


def test_a_seal_that_names_records_again_is_found(runtime: Runtime, owner: Owner) -> None:
    read(runtime, 2)
    seal(runtime)
    (one,) = stored(owner, "access")
    disarm(owner)
    (again,) = relinked([type(one)(**{**vars(one), "position": 2})], one)
    put(owner, again)
    assert check(runtime).finding == Finding(Flaw.OVERLAPPING_SEAL, 2)


def test_a_seal_that_says_nothing_is_found(runtime: Runtime, owner: Owner) -> None:
    append(
        runtime,
        chain=Chain.ACCESS,
        action=Action.ACCESS_SEAL,
        reason=None,
        after={"ids": "{[1,3)}", "count": 1},
    )
    assert check(runtime).finding == Finding(Flaw.MALFORMED_SEAL, 1)
