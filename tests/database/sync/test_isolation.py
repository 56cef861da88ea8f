"""A row PostgreSQL itself refuses becomes a dead letter, and its neighbours commit."""

from random import Random
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from shared.database.refusals import RowRefusal
from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime
from tests.support.counted import counted
from tests.support.oracle import folded
from tests.support.refused_rows import (
    REFUSED,
    RULE,
    allow_again,
    culprit,
    forbid,
    forbid_wallet,
    raise_when,
    sound,
    sound_order,
)
from tests.support.stories import receive, row_versions
from tests.support.sync_events import ABSENT, Sent, entry, ingest, order, outcomes
from tests.support.sync_state import assert_converged, received, totals

Owner = psycopg.Connection[Any]


def letters(owner: Owner) -> dict[tuple[str, int], dict[str, Any]]:
    with owner.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute("SELECT * FROM dead_letters").fetchall()
    return {(row["stream"], row["sequence_number"]): row for row in rows}


def check(owner: Owner, sent: list[Sent], refused: list[Sent]) -> None:
    """The rows are those of the others, each refused event is a dead letter with its bytes, and all are counted."""
    found = letters(owner)
    assert found.keys() == {(each.stream, each.sequence_number) for each in refused}
    for each in refused:
        letter = found[each.stream, each.sequence_number]
        assert (letter["error_code"], letter["body"]) == ("SYNC_ROW_REFUSED", each.event().body)
        assert letter["error_detail"]
    assert_converged(owner, folded([each for each in sent if each not in refused]))
    counts = totals(owner)
    counts.pop("redelivered", None)
    assert sum(counts.values()) == received(owner) == len(sent)
    assert counts.get("dead_lettered", 0) == len(refused)
    assert owner.execute("SELECT count(*) FROM applied_records").fetchone() == (counts.get("applied", 0),)


@pytest.mark.parametrize("size", [1, 2, 3, 20, 64])
def test_one_culprit_at_every_place(runtime: Runtime, owner: Owner, size: int) -> None:
    forbid_wallet(owner)
    sent, refused = [], []
    for place in range(size):
        numbers = range(place * size, (place + 1) * size)
        batch = [culprit(n) if at == place else sound(n) for at, n in enumerate(numbers)]
        result = outcomes(ingest(runtime, *batch))
        assert result == {"applied": size - 1, "dead_lettered": 1} or size == 1
        sent += batch
        refused.append(batch[place])
    check(owner, sent, refused)
    assert {(each["error_field"], each["correlation_id"]) for each in letters(owner).values()} == {
        (RULE, None)
    }


@pytest.mark.parametrize("seed", range(6))
def test_several_culprits_in_both_streams(runtime: Runtime, owner: Owner, seed: int) -> None:
    forbid_wallet(owner)
    forbid(owner, f"status <> '{REFUSED}'", "payment_orders")
    chance = Random(seed)
    numbers = list(range(60))
    chance.shuffle(numbers)
    bad, bad_orders = set(chance.sample(numbers, 3 * seed + 2)), set(chance.sample(numbers, seed + 1))
    entries = [culprit(n) if n in bad else sound(n) for n in numbers]
    orders = [sound_order(n, status=REFUSED if n in bad_orders else "CREATED") for n in numbers]
    ingest(runtime, *entries, *orders)
    refused = [e for e in entries if e.sequence_number in bad]
    refused += [o for o in orders if o.sequence_number in bad_orders]
    check(owner, entries + orders, refused)


@pytest.mark.parametrize("size", [1, 2, 3, 19])
def test_a_small_batch_may_be_refused_whole(runtime: Runtime, owner: Owner, size: int) -> None:
    forbid_wallet(owner)
    batch = [culprit(number) for number in range(size)]
    assert outcomes(ingest(runtime, *batch)) == {"dead_lettered": size}
    check(owner, batch, batch)


def test_bad_events_and_refused_rows_beside_each_other(runtime: Runtime, owner: Owner) -> None:
    forbid_wallet(owner)
    ingest(runtime, Sent("ledger", 1, b"{}"), culprit(2), sound(3, site_id="XX-NOWHERE"), sound(4))
    codes = {number: letter["error_code"] for (_, number), letter in letters(owner).items()}
    assert codes == {1: "CONTRACT_FIELD_MISSING", 2: "SYNC_ROW_REFUSED", 3: "SITE_UNKNOWN"}
    assert totals(owner) == {"applied": 1, "dead_lettered": 3}


@pytest.mark.parametrize(
    ("rule", "fields", "field"),
    [
        ("ADD CONSTRAINT ck_test CHECK (wallet_id <> 'x')", {"wallet_id": "x"}, "ck_test"),
        ("ALTER COLUMN related_type SET NOT NULL", {"related_type": ABSENT}, "related_type"),
        ("ALTER COLUMN wallet_id TYPE varchar(5)", {"wallet_id": "longer"}, None),
        ("ALTER COLUMN amount TYPE numeric(4, 2)", {"amount": "100.00"}, None),
    ],
    ids=["check", "not null", "too long", "out of range"],
)
def test_each_kind_of_refusal(
    runtime: Runtime, owner: Owner, rule: str, fields: dict[str, Any], field: str | None
) -> None:
    owner.execute(f"ALTER TABLE ledger_entries {rule}")
    usual = {"wallet_id": "w", "related_type": "PAYMENT_ORDER", "amount": "1"}
    batch = [sound(1, **usual), sound(2, **{**usual, **fields}, correlation_id="c-2"), sound(3, **usual)]
    ingest(runtime, *batch)
    check(owner, batch, batch[1:2])
    letter = letters(owner)["ledger", 2]
    assert (letter["error_field"], letter["correlation_id"]) == (field, "c-2")


# Four bytes each, and no two neighbours alike, so that nothing can be compressed.
WIDE = "".join(chr(0x10000 + (number * 7919) % 0x9000) for number in range(200))


def test_an_index_row_that_is_too_long(runtime: Runtime, owner: Owner) -> None:
    owner.execute("CREATE INDEX ON ledger_entries (wallet_id, (wallet_id || related_id), related_id)")
    batch = [sound(1), sound(2, wallet_id=WIDE, related_id=WIDE[::-1]), sound(3)]
    ingest(runtime, *batch)
    check(owner, batch, batch[1:2])
    assert letters(owner)["ledger", 2]["error_detail"].startswith("54000")


def test_the_widest_events_of_the_contract_are_taken(runtime: Runtime, owner: Owner) -> None:
    """The schema is as wide as the contract: no value the contract takes is refused."""
    most = "9" * 20 + "." + "9" * 8
    ids: dict[str, Any] = {
        name: WIDE[:199] + mark for name, mark in (("wallet_id", "w"), ("related_id", "o"))
    }
    common: dict[str, Any] = {"amount": most, "version": 2**63 - 1, "correlation_id": WIDE + WIDE}
    wide_entry = entry(1, WIDE, **ids, **common, amount_signed=f"-{most}", entry_type="X" * 40)
    wide_order = order(
        1, ids["related_id"], **common, status=WIDE[:40], user_id=WIDE, merchant_id=WIDE, merchant_name=WIDE
    )
    bad = Sent("ledger", 2, b"{}", properties={WIDE: WIDE * 100})
    assert outcomes(ingest(runtime, wide_entry, wide_order, bad)) == {"applied": 2, "dead_lettered": 1}
    assert owner.execute("SELECT state FROM pairs").fetchall() == [("OPEN",)]


def test_a_detail_shows_no_row(runtime: Runtime, owner: Owner) -> None:
    """The server's detail line would show every column."""
    forbid_wallet(owner)
    ingest(runtime, culprit(1, related_id="someone's order"), sound(2))
    assert "someone's order" not in letters(owner)["ledger", 1]["error_detail"]


def test_of_several_versions_the_next_one_meets_the_store(runtime: Runtime, owner: Owner) -> None:
    forbid(owner, "amount < 100")
    batch = [entry(n, "t-1", version=n, amount=a) for n, a in enumerate([1, 2, 3, 100, 200], 1)]
    assert outcomes(ingest(runtime, *batch)) == {"applied": 1, "superseded": 2, "dead_lettered": 2}
    check(owner, batch, batch[3:])
    worse = [entry(n, "t-1", version=n, amount=500) for n in range(6, 10)]
    assert outcomes(ingest(runtime, *worse)) == {"dead_lettered": 4}


def test_a_refused_update_leaves_the_row_as_it_was(runtime: Runtime, owner: Owner) -> None:
    batch = [entry(1, version=1), entry(2, "t-2")]
    ingest(runtime, *batch)
    forbid_wallet(owner)
    worse = [entry(3, version=2, wallet_id=REFUSED, related_id="o-9"), entry(4, "t-4")]
    ingest(runtime, *worse)
    check(owner, batch + worse, worse[:1])


def test_what_comes_again_is_isolated_again_and_written_once(runtime: Runtime, owner: Owner) -> None:
    forbid_wallet(owner)
    batch = [sound(1), culprit(2), sound(3)]
    ingest(runtime, *batch)
    before = row_versions(owner)
    assert outcomes(ingest(runtime, *batch)) == {"redelivered": 3}
    assert row_versions(owner) == before
    allow_again(owner)
    more = [culprit(4), sound(5)]
    assert outcomes(ingest(runtime, *more)) == {"applied": 2}
    check(owner, batch + more, batch[1:2])


def test_a_record_whose_evidence_is_refused(runtime: Runtime, owner: Owner) -> None:
    raise_when(owner, "applied_records", "NEW.record_key = 't-00002'", "22023")
    batch = [sound(1), sound(2), sound(3)]
    ingest(runtime, *batch)
    check(owner, batch, batch[1:2])


def test_a_record_whose_pair_is_refused(runtime: Runtime, owner: Owner) -> None:
    forbid(owner, f"sender_wallet_id <> '{REFUSED}'", "pairs")
    batch = [sound(1), culprit(2), sound(3), receive(4, related_id="o-00003", partition_id="0"), culprit(5)]
    ingest(runtime, *batch)
    check(owner, batch, [batch[1], batch[4]])


def test_of_two_rows_that_only_together_are_refused_one_stays(runtime: Runtime, owner: Owner) -> None:
    forbid(owner, "sender_wallet_id <> receiver_wallet_id", "pairs")
    batch = [entry(1, "p-1"), receive(2, "r-1", "0"), entry(3, "t-3", related_id="o-3")]
    ingest(runtime, *batch)
    check(owner, batch, batch[1:2])
    late = [receive(4, "r-4", "0", related_id="o-3"), entry(5, "t-5", related_id="o-5")]
    ingest(runtime, *late)
    check(owner, batch + late, [batch[1], late[0]])


def test_a_record_whose_finding_is_refused(runtime: Runtime, owner: Owner) -> None:
    batch = [entry(1, "t-1", version=1), entry(2, "t-2", version=1, related_id="o-2")]
    ingest(runtime, *batch)
    forbid(owner, "record_key <> 't-1'", "sync_findings")
    changed = [
        entry(3, "t-1", version=1, amount=11),
        entry(4, "t-2", version=1, amount=11, related_id="o-2"),
    ]
    ingest(runtime, *changed)
    check(owner, batch + changed, changed[:1])
    assert owner.execute("SELECT record_key FROM sync_findings").fetchall() == [("t-2",)]


NOT_OF_A_ROW = [
    "23505",
    "23503",
    "40001",
    "40P01",
    "42501",
    "53100",
    "54001",
    "55P03",
    "57014",
    "P0001",
    "XX000",
]


@pytest.mark.parametrize("sqlstate", NOT_OF_A_ROW)
def test_any_other_failure_raises_at_once_and_stores_nothing(
    runtime: Runtime, owner: Owner, sqlstate: str
) -> None:
    """One transaction, and no second try of ours: the platform brings the batch again."""
    ingest(runtime, sound(1))
    raise_when(owner, "ledger_entries", "NEW.tx_id = 't-00003'", sqlstate)
    before = totals(owner)
    with counted(runtime) as (mine, counts), pytest.raises((DatabaseUnavailable, psycopg.Error)):
        ingest(mine, sound(2), sound(3), Sent("ledger", 4, b"{}"))
    assert (counts["begin"], counts["commit"], counts["savepoint"]) == (1, 0, 0)
    assert totals(owner) == before
    assert letters(owner) == {}


def test_a_refusal_that_no_event_brings_about_raises(runtime: Runtime, owner: Owner) -> None:
    """A row of ours is refused: leaving events out would not help, so none is."""
    ingest(runtime, sound(1))
    raise_when(owner, "stream_positions", "true", "22023")
    with counted(runtime) as (mine, counts), pytest.raises(RowRefusal):
        ingest(mine, sound(2), Sent("ledger", 3, b"{}"))
    assert (counts["begin"], counts["commit"]) == (3, 0)
    assert totals(owner) == {"applied": 1}
    assert letters(owner) == {}


def test_a_dead_letter_that_is_refused_holds_the_batch(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, sound(1))
    forbid(owner, "sequence_number <> 3", "dead_letters")
    with pytest.raises(RowRefusal):
        ingest(runtime, sound(2), Sent("ledger", 3, b"{}"))
    assert totals(owner) == {"applied": 1}


def test_a_missing_partition_of_the_evidence_is_ours(runtime: Runtime, owner: Owner) -> None:
    """PostgreSQL calls it a violated check, but no event is at fault."""
    ingest(runtime, sound(1))
    parts = owner.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'applied_records'::regclass"
    ).fetchall()
    for (name,) in parts:
        owner.execute(f"ALTER TABLE applied_records DETACH PARTITION {name}")
    with pytest.raises(psycopg.errors.CheckViolation):
        ingest(runtime, sound(2))
    assert totals(owner) == {"applied": 1}
    assert letters(owner) == {}


def test_a_good_batch_pays_nothing(runtime: Runtime) -> None:
    """No savepoint and no statement more: prelude, upsert, how to plan, pairs, position."""
    ingest(runtime, sound(0))
    with counted(runtime) as (mine, counts):
        ingest(mine, sound(1), sound(2))
    assert (counts["begin"], counts["commit"], counts["savepoint"], counts["rollback"]) == (1, 1, 0, 0)
    assert counts["statements"] <= 5
