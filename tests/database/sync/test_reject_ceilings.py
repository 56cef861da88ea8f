"""Which ceiling holds, what may be raised, and what the database refuses."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from shared.database import constraint_name
from shared.errors.request import RequestInvalid
from shared.runtime import Runtime
from shared.security.errors import NotAllowed
from shared.sync.errors import CeilingInvalid, RejectFlood
from shared.sync.events.contract import Stream
from shared.sync.rejects.list_ceilings import list_ceilings
from shared.sync.rejects.lower_ceiling import lower_ceiling
from shared.sync.rejects.model import Raise, Scope
from shared.sync.rejects.raise_ceiling import raise_ceiling
from shared.sync.rejects.store import fetch_reject_ceiling
from tests.support.callers import operating
from tests.support.floods import batch
from tests.support.interleaving import know_partitions
from tests.support.lookups import looking
from tests.support.postgres import ClonedDatabase
from tests.support.roles import APP, AUDITOR, MIGRATOR, connected_as, refusal
from tests.support.runtime import StandingClock
from tests.support.sync_events import HUBS, ingest

Owner = psycopg.Connection[Any]
KIM, WHY = operating("kim"), "a release that is taken back"
HOUR = timedelta(hours=1)
DENIED = "42501"


def lift(
    runtime: Runtime,
    share: str,
    partition: str | None = None,
    lasts: timedelta = HOUR,
    stream: Stream = "ledger",
) -> object:
    wanted = Raise(Decimal(share), lasts)
    return raise_ceiling(runtime, KIM, stream, partition, wanted, WHY).body["ceiling_id"]


def lower(runtime: Runtime, partition: str | None) -> set[object]:
    """The numbers of the ceilings it ended."""
    lowered = lower_ceiling(runtime, KIM, "ledger", partition, WHY).body["lowered"]
    assert isinstance(lowered, list)
    return {each["ceiling_id"] for each in lowered}


def holds(runtime: Runtime, partition: str = "0", stream: Stream = "ledger") -> Decimal | None:
    """The share that holds for a partition now."""
    with runtime.database.transaction() as connection:
        scope = Scope(stream, HUBS[stream], partition)
        ceiling = fetch_reject_ceiling(connection, scope, runtime.clock.now())
    return ceiling.share if ceiling else None


def later(runtime: Runtime, **by: float) -> None:
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.move(**by)


@pytest.fixture(autouse=True)
def partitions(runtime: Runtime) -> None:
    know_partitions(runtime, "0", "1")


def test_without_one_none_holds(runtime: Runtime) -> None:
    assert holds(runtime) is None


def test_one_for_all_holds_for_each_partition_of_its_stream(runtime: Runtime) -> None:
    lift(runtime, "0.9")
    assert [holds(runtime, "0"), holds(runtime, "1")] == [Decimal("0.9"), Decimal("0.9")]
    assert holds(runtime, "0", "payment_order") is None


def test_one_for_the_partition_goes_before_one_for_all(runtime: Runtime) -> None:
    lift(runtime, "0.8", "0")
    lift(runtime, "1")
    assert [holds(runtime, "0"), holds(runtime, "1")] == [Decimal("0.8"), Decimal(1)]


def test_of_one_scope_the_last_one_that_is_valid_holds(runtime: Runtime) -> None:
    lift(runtime, "1", lasts=3 * HOUR)
    lift(runtime, "0.7", lasts=HOUR)
    assert holds(runtime) == Decimal("0.7")
    later(runtime, hours=1)
    assert holds(runtime) == Decimal(1)


def test_it_holds_from_its_beginning_until_before_its_end(runtime: Runtime) -> None:
    lift(runtime, "1")
    assert holds(runtime) == Decimal(1)
    later(runtime, seconds=3599.999)
    assert holds(runtime) == Decimal(1)
    later(runtime, seconds=0.001)
    assert holds(runtime) is None


def test_taking_back_ends_all_of_exactly_that_scope(runtime: Runtime) -> None:
    first, second = lift(runtime, "0.9", "0"), lift(runtime, "0.8", "0")
    lift(runtime, "0.7")
    assert lower(runtime, "0") == {first, second}
    assert holds(runtime) == Decimal("0.7")
    lower(runtime, None)
    assert holds(runtime) is None
    lift(runtime, "0.6", "0")
    assert holds(runtime) == Decimal("0.6")


def test_what_is_not_raised_cannot_be_taken_back(runtime: Runtime) -> None:
    lift(runtime, "1", "0")
    for partition in (None, "1"):
        with pytest.raises(CeilingInvalid):
            lower(runtime, partition)
    later(runtime, hours=2)
    with pytest.raises(CeilingInvalid):
        lower(runtime, "0")


@pytest.mark.parametrize(
    ("share", "partition", "lasts", "why"),
    [
        ("0.5", None, HOUR, WHY),
        ("0.1", None, HOUR, WHY),
        ("1.0001", None, HOUR, WHY),
        ("0.99999", None, HOUR, WHY),
        ("1", "7", HOUR, WHY),
        ("1", "", HOUR, WHY),
        ("1", None, timedelta(0), WHY),
        ("1", None, timedelta(days=7, seconds=1), WHY),
        ("1", None, HOUR, "two\nlines"),
    ],
)
def test_what_makes_no_sense_is_refused(
    runtime: Runtime, owner: Owner, share: str, partition: str | None, lasts: timedelta, why: str
) -> None:
    with pytest.raises(CeilingInvalid):
        raise_ceiling(runtime, KIM, "ledger", partition, Raise(Decimal(share), lasts), why)
    assert owner.execute("SELECT count(*) FROM reject_ceilings").fetchone() == (0,)


def entries(owner: Owner) -> list[tuple[Any, ...]]:
    return owner.execute(
        "SELECT actor, role, action, target_id, outcome, (before::jsonb) ->> 'share', (after::jsonb) ->> 'share'"
        " FROM audit_entries WHERE chain = 'control' ORDER BY position"
    ).fetchall()


def test_every_decision_leaves_one_entry(runtime: Runtime, owner: Owner) -> None:
    lift(runtime, "0.9", "0")
    lift(runtime, "1", "0")
    lower(runtime, "0")
    with pytest.raises(CeilingInvalid):
        lower(runtime, None)
    up, down = "operator:reject_ceiling:raise", "operator:reject_ceiling:withdraw"
    assert entries(owner) == [
        ("kim", "operator", up, "ledger/0", "DONE", None, "0.9"),
        ("kim", "operator", up, "ledger/0", "DONE", "0.9", "1"),
        ("kim", "operator", down, "ledger/0", "DONE", None, None),
        ("kim", "operator", down, "ledger", "FAILED", None, None),
    ]
    kept = "SELECT (before::jsonb) -> 'newest' -> 0 ->> 'share' FROM audit_entries WHERE action = %s"
    assert owner.execute(kept, [down]).fetchall() == [("1",), (None,)]
    rows = owner.execute("SELECT DISTINCT set_by, reason FROM reject_ceilings").fetchall()
    assert rows == [("kim", WHY)]


def test_without_its_entry_no_ceiling_is_raised(runtime: Runtime, owner: Owner) -> None:
    owner.execute("ALTER TABLE audit_entries ADD CHECK (action <> 'operator:reject_ceiling:raise') NOT VALID")
    with pytest.raises(Exception, match="audit_entries"):
        lift(runtime, "1")
    assert holds(runtime) is None


@pytest.mark.parametrize("reason", ["", " \t"])
def test_a_reason_is_needed(runtime: Runtime, owner: Owner, reason: str) -> None:
    with pytest.raises(RequestInvalid):
        raise_ceiling(runtime, KIM, "ledger", None, Raise(Decimal(1), HOUR), reason)
    with pytest.raises(RequestInvalid):
        lower_ceiling(runtime, KIM, "ledger", None, reason)
    assert entries(owner) == []


def test_who_holds_some_sites_only_changes_and_lists_nothing(runtime: Runtime, owner: Owner) -> None:
    """A hub carries the events of all sites."""
    lift(runtime, "1")
    some = operating("bob", "KR-SEOUL", "JP-TOKYO", "EU-PARIS")
    with pytest.raises(NotAllowed):
        raise_ceiling(runtime, some, "ledger", "0", Raise(Decimal(1), HOUR), WHY)
    with pytest.raises(NotAllowed):
        lower_ceiling(runtime, some, "ledger", None, WHY)
    with pytest.raises(NotAllowed):
        list_ceilings(runtime, looking("KR-SEOUL"))
    assert [(row[0], row[4]) for row in entries(owner)[1:]] == [("bob", "DENIED")] * 2
    assert owner.execute("SELECT count(*) FROM reject_ceilings").fetchone() == (1,)
    assert owner.execute("SELECT status FROM access_records").fetchall() == [(403,)]


def test_the_list_shows_what_is_valid_and_what_is_held(runtime: Runtime) -> None:
    lift(runtime, "0.6", "1")
    lift(runtime, "0.7", stream="payment_order")
    for partition in ("0", "1"):
        with pytest.raises(RejectFlood):
            ingest(runtime, *batch(10, 20, 0, partition))
    standing = list_ceilings(runtime, looking())
    assert [(each.stream, each.partition_id) for each in standing.ceilings] == [
        ("ledger", "1"),
        ("payment_order", None),
    ]
    assert [(flood["partition_id"], flood["bad"]) for flood in standing.held] == [("0", 20), ("1", 20)]
    lift(runtime, "1", "0")
    ingest(runtime, *batch(10, 20, 0, "0"))
    standing = list_ceilings(runtime, looking(), "ledger")
    assert [flood["partition_id"] for flood in standing.held] == ["1"]
    assert {each.stream for each in standing.ceilings} == {"ledger"}
    assert list_ceilings(runtime, looking(), "payment_order").held == []


ROW = {
    "stream": "'ledger'",
    "hub": "'h'",
    "share": "0.9",
    "valid_from": "'2026-11-23T12:00Z'",
    "valid_until": "'2026-11-23T13:00Z'",
    "reason": "'r'",
    "set_by": "'kim'",
    "created_at": "now()",
}


def insertion(**changes: str) -> str:
    row = {**ROW, **changes}
    return f"INSERT INTO reject_ceilings ({', '.join(row)}) VALUES ({', '.join(row.values())})"


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({}, None),
        ({"share": "1"}, None),
        ({"share": "NULL", "valid_until": "NULL"}, None),
        ({"valid_until": "'2026-11-30T12:00Z'"}, None),
        ({"stream": "'other'"}, "ck_reject_ceilings_stream"),
        ({"share": "0"}, "ck_reject_ceilings_share"),
        ({"share": "1.0001"}, "ck_reject_ceilings_share"),
        ({"share": "'NaN'"}, "ck_reject_ceilings_share"),
        ({"share": "NULL"}, "ck_reject_ceilings_ended"),
        ({"valid_until": "NULL"}, "ck_reject_ceilings_ended"),
        ({"valid_until": "'2026-11-23T12:00Z'"}, "ck_reject_ceilings_time"),
        ({"valid_until": "'2026-11-30T12:00:01Z'"}, "ck_reject_ceilings_time"),
        ({"reason": "' '"}, "ck_reject_ceilings_reason"),
        ({"set_by": "''"}, "ck_reject_ceilings_set_by"),
    ],
)
def test_the_database_holds_the_rules(owner: Owner, changes: dict[str, str], constraint: str | None) -> None:
    refused = None
    try:
        owner.execute(insertion(**changes))
    except psycopg.IntegrityError as error:
        refused = constraint_name(error)
    assert refused == constraint


@pytest.mark.parametrize(
    "statement",
    ["UPDATE reject_ceilings SET share = 0.6", "DELETE FROM reject_ceilings", "TRUNCATE reject_ceilings"],
)
def test_nobody_changes_what_was_decided(database: ClonedDatabase, owner: Owner, statement: str) -> None:
    owner.execute(insertion())
    for role in (APP, AUDITOR, MIGRATOR):
        with connected_as(database, role) as connection:
            connection.execute("SET default_transaction_read_only = off")
            assert refusal(connection, statement) == DENIED
    assert refusal(owner, statement) == DENIED
    assert owner.execute("SELECT share FROM reject_ceilings").fetchall() == [(Decimal("0.9"),)]
