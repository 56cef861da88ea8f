"""Retention: a day goes whole, after its archive was verified, when nobody holds it, and the seals still verify."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from shared.audit.access.archives import read_months
from shared.audit.access.lift_hold import lift_hold
from shared.audit.access.place_hold import place_hold
from shared.audit.access.purge_access_records import Purged, purge_access_records
from shared.audit.archive_chains import archive_chains
from shared.audit.errors import EntryInvalid, PurgeRefused
from shared.audit.keys import public_keys
from shared.audit.links import Flaw
from shared.audit.model import Action, Chain
from shared.audit.retention import main
from shared.audit.verify_chain import verify_chain
from shared.errors.base import CounterfoilError
from shared.runtime import Runtime
from tests.support.access import check, read, seal, seals, spoil, weeks_later
from tests.support.audit import stored
from tests.support.postgres import ClonedDatabase
from tests.support.roles import APP, connected_as, refusal
from tests.support.runtime import APP_PASSWORD, BASE_SETTINGS, HeldBlobs, StandingClock, runtime_for
from tests.support.spine import count

Owner = psycopg.Connection[Any]
RETENTION = "counterfoil_retention"
LONG_AGO = 70


@pytest.fixture
def retention(database: ClonedDatabase, runtime: Runtime, owner: Owner) -> Iterator[Runtime]:
    """The same place as the one role that may purge."""
    made = runtime_for(database.url_as(RETENTION, APP_PASSWORD), ACCESS_RECORDS_KEPT_DAYS="31")
    moment = owner.execute("SELECT now()").fetchone()
    assert moment is not None
    built = replace(made, blobs=runtime.blobs, clock=StandingClock(moment[0]))
    yield built
    built.database.dispose()


def records_of(runtime: Runtime, owner: Owner, days_ago: int, number: int) -> date:
    """So many records of one day; the day."""
    moment = owner.execute(
        "SELECT date_trunc('day', now()) - make_interval(days => %s)", (days_ago,)
    ).fetchone()
    assert moment is not None
    day: datetime = moment[0]
    with runtime.database.transaction() as connection:
        connection.exec_driver_sql(f"SELECT ensure_access_partitions('{day.date()}', 1)")
    read(runtime, number)
    spoil(
        owner,
        "UPDATE access_records SET recorded_at = %s + interval '1 hour' + record_id * interval '1 microsecond'"
        " WHERE recorded_at > now() - interval '1 hour'",
        day,
    )
    return day.date()


def sealed_of(runtime: Runtime, owner: Owner, number: int) -> date:
    """Records of a day long ago, in one seal; the day."""
    day = records_of(runtime, owner, LONG_AGO, number)
    assert seal(runtime) == number
    return day


def test_days_that_are_archived_go_and_the_seals_still_hold(
    runtime: Runtime, retention: Runtime, owner: Owner
) -> None:
    first = records_of(runtime, owner, LONG_AGO, 3)
    second = records_of(runtime, owner, LONG_AGO - 1, 2)
    assert seal(runtime) == 5
    read(runtime, 4)
    assert seal(runtime) == 4
    weeks_later(runtime)
    archive_chains(runtime)
    assert purge_access_records(retention, "o", "over", dry_run=True)[:2] == [
        Purged(first, 3),
        Purged(second, 2),
    ]
    assert count(owner, "access_records") == 9
    purged = purge_access_records(retention, "ops", " it is over ")
    assert purged == [Purged(first, 3), Purged(second, 2)]
    assert count(owner, "access_records") == 4
    result = check(runtime)
    assert (result.seals, result.records, result.archived, result.finding) == (2, 9, 5, None)
    entries = [entry for entry in stored(owner) if entry.action == Action.RECORDS_PURGE]
    assert [(entry.actor, entry.reason, entry.target_id) for entry in entries] == [
        ("ops", "it is over", str(first)),
        ("ops", "it is over", str(second)),
    ]
    assert verify_chain(runtime, Chain.CONTROL).finding is None
    assert purge_access_records(retention, "ops", "again") == []


def test_what_is_not_archived_stays(runtime: Runtime, retention: Runtime, owner: Owner) -> None:
    day = sealed_of(runtime, owner, 3)
    with pytest.raises(PurgeRefused, match=str(day)):
        purge_access_records(retention, "ops", "over")
    assert count(owner, "access_records") == 3
    weeks_later(runtime)
    archive_chains(runtime)
    spoil(
        owner,
        "INSERT INTO access_records (recorded_at, occurred_at, actor, principal_type, permission, resource, status,"
        " result_count, duration_us, request_id, query, looked_up) VALUES (%s, now(), 'x', 'PERSON', 'p', 'r', 200, 1,"
        " 1, 'r', '{}', '{}')",
        datetime.combine(day, datetime.min.time()),
    )
    with pytest.raises(PurgeRefused):
        purge_access_records(retention, "ops", "over")
    assert count(owner, "access_records") == 4


@pytest.mark.parametrize("end", [".jsonl", ".manifest.json", ".manifest.sig"])
@pytest.mark.parametrize("kind", ["access", "access_records"])
def test_beside_an_archive_that_does_not_hold_nothing_goes(
    runtime: Runtime, retention: Runtime, owner: Owner, kind: str, end: str
) -> None:
    sealed_of(runtime, owner, 2)
    weeks_later(runtime)
    archive_chains(runtime)
    blobs = runtime.blobs
    assert isinstance(blobs, HeldBlobs)
    (name,) = [each for each in blobs.names(f"audit/archives/{kind}/") if each.endswith(end)][:1]
    body = bytearray(blobs.held[name])
    body[len(body) // 2] ^= 1
    blobs.held[name] = bytes(body)
    with pytest.raises(PurgeRefused):
        purge_access_records(retention, "ops", "over")
    assert count(owner, "access_records") == 2


def test_a_changed_record_stays_as_evidence(runtime: Runtime, retention: Runtime, owner: Owner) -> None:
    sealed_of(runtime, owner, 2)
    weeks_later(runtime)
    archive_chains(runtime)
    spoil(
        owner,
        "UPDATE access_records SET actor = 'another' WHERE record_id = (SELECT min(record_id) FROM access_records)",
    )
    with pytest.raises(PurgeRefused):
        purge_access_records(retention, "ops", "over")
    assert count(owner, "access_records") == 2


def test_a_changed_record_is_not_archived(runtime: Runtime, owner: Owner) -> None:
    read(runtime, 2)
    seal(runtime)
    spoil(owner, "UPDATE access_records SET actor = 'another'")
    weeks_later(runtime)
    with pytest.raises(CounterfoilError) as raised:
        archive_chains(runtime)
    assert (raised.value.code, getattr(raised.value, "flaw", None)) == (
        "AUDIT_CHAIN_BROKEN",
        Flaw.RECORDS_DIFFER,
    )


def test_a_hold_keeps_a_day_until_it_is_lifted(runtime: Runtime, retention: Runtime, owner: Owner) -> None:
    day = sealed_of(runtime, owner, 2)
    weeks_later(runtime)
    archive_chains(runtime)
    number = place_hold(runtime, day - timedelta(days=1), None, "counsel", "case 7")
    with pytest.raises(PurgeRefused, match="hold"):
        purge_access_records(retention, "ops", "over")
    assert count(owner, "access_records") == 2
    lift_hold(runtime, number, "counsel", "case 7 is closed")
    with pytest.raises(PurgeRefused):
        lift_hold(runtime, number, "counsel", "again")
    assert purge_access_records(retention, "ops", "over")[0] == Purged(day, 2)
    actions = [entry.action for entry in stored(owner)][:2]
    assert actions == [Action.HOLD_PLACE, Action.HOLD_RELEASE]


@pytest.mark.parametrize(("last", "reason"), [(date(2026, 1, 1), "r"), (None, "  ")])
def test_a_hold_needs_days_and_a_reason(
    runtime: Runtime, owner: Owner, last: date | None, reason: str
) -> None:
    with pytest.raises(EntryInvalid):
        place_hold(runtime, date(2026, 1, 2), last, "counsel", reason)
    assert (count(owner, "legal_holds"), stored(owner)) == (0, [])


def test_only_the_retention_role_drops_a_day(
    runtime: Runtime, database: ClonedDatabase, owner: Owner
) -> None:
    sealed_of(runtime, owner, 1)
    with connected_as(database, APP) as app:
        assert refusal(app, "SELECT drop_access_partition('2020-01-01')") == "42501"
    with connected_as(database, RETENTION) as role:
        assert refusal(role, "SELECT drop_access_partition(current_date)") == "22023"
        for statement in (
            "INSERT INTO access_records DEFAULT VALUES",
            "UPDATE sites SET name = 'x'",
            "SELECT * FROM ledger_entries",
            "UPDATE legal_holds SET released_at = now()",
            "DROP TABLE access_records",
        ):
            assert refusal(role, statement) == "42501", statement


def test_the_command_purges_as_its_own_role(
    runtime: Runtime, database: ClonedDatabase, owner: Owner, capsys: pytest.CaptureFixture[str]
) -> None:
    base = {**BASE_SETTINGS, "DATABASE_URL": database.url_as(APP, APP_PASSWORD)}
    assert main(["purge", "--reason", "over"], base) == 2
    environ = {**base, "RETENTION_DATABASE_URL": database.url_as(RETENTION, APP_PASSWORD)}
    assert main(["purge", "--reason", "over", "--dry-run"], environ) == 0
    assert main(["hold", "2026-01-01", "--reason", "case 7", "--actor", "counsel"], environ) == 0
    assert main(["release", "1", "--reason", "closed", "--actor", "counsel"], environ) == 0
    assert main(["release", "1", "--reason", "closed"], environ) == 2
    assert [entry.actor for entry in stored(owner)] == ["counsel", "counsel"]
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_an_archive_that_broke_off_is_taken_up_again(runtime: Runtime, owner: Owner) -> None:
    read(runtime, 3)
    seal(runtime)
    weeks_later(runtime)
    archive_chains(runtime)
    blobs = runtime.blobs
    assert isinstance(blobs, HeldBlobs)
    whole = dict(blobs.held)
    blobs.held = {name: body for name, body in whole.items() if "access_records" not in name}
    archive_chains(runtime)
    assert blobs.held == whole
    months, finding = read_months(blobs, public_keys(runtime.secrets))
    assert (len(months) >= 1, finding) == (True, None)
    assert sum(len(month.examined.kept) for month in months) == len(seals(owner)) == 1
