"""One total order of revisions, and what a batch keeps of it."""

import json
from collections.abc import Sequence
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.sync.model import Outcome, Record, Revision, greatest_per_key, is_conflict, revision_of
from shared.sync.read_batch import reader_of
from tests.support.steady import STEADY
from tests.support.sync_events import DEFAULTS, Sent, ledger_body, read

EARLY, LATE = "2026-11-23T11:00:00", "2026-11-23T11:00:00.5"


def revision(
    updated_at: str = "", version: int = -1, enqueued_at: str = EARLY, number: int = 1, content: bytes = b"a"
) -> Revision:
    return Revision(updated_at, version, enqueued_at, number, content)


# From the lowest to the highest.
LADDER = [
    revision(enqueued_at="", number=-1),
    revision(number=9, content=b"z"),
    revision(enqueued_at=LATE, number=0),
    revision(version=0, enqueued_at="", number=-1),
    revision(version=0),
    revision(version=0, number=2),
    revision(version=7),
    revision(updated_at=EARLY, enqueued_at="", number=-1),
    revision(updated_at=EARLY),
    revision(updated_at=EARLY, content=b"b"),
    revision(updated_at=EARLY, version=0),
    revision(updated_at=LATE),
    revision(updated_at=LATE, version=2),
    revision(updated_at=LATE, version=10),
]


def test_parts_are_compared_left_to_right_and_an_absent_one_lies_below() -> None:
    for one, other in combinations(LADDER, 2):
        assert one < other
    assert len(set(LADDER)) == len(LADDER)


def test_the_revision_of_an_event() -> None:
    body = ledger_body("t-1", version=0, updated_at="2026-11-23T11:00:00.500000+00:00")
    (record,) = read(Sent("ledger", 4, body)).records
    assert record.revision[:4] == (LATE, 0, "2026-11-23T12:00:04", 4)
    assert len(record.revision.digest) == 32


def test_an_absent_version_lies_below_zero() -> None:
    bare, zero = (
        read(Sent("ledger", 1, ledger_body("t-1", **fields))).records[0].revision
        for fields in ({}, {"version": 0})
    )
    assert (bare.version, zero.version) == (-1, 0)
    assert bare < zero


@pytest.mark.parametrize(
    ("one", "other", "conflict"),
    [
        (revision(), revision(content=b"b"), False),
        (revision(version=1), revision(version=1, content=b"b"), True),
        (revision(version=1), revision(version=1, number=2), False),
        (revision(version=1), revision(version=2, content=b"b"), False),
        (revision(updated_at=EARLY), revision(updated_at=EARLY, number=2, content=b"b"), True),
        (revision(updated_at=EARLY), revision(updated_at=LATE, content=b"b"), False),
        (revision(updated_at=EARLY), revision(updated_at=EARLY, version=0, content=b"b"), False),
    ],
)
def test_a_conflict_is_an_equal_statement_of_age_with_other_content(
    one: Revision, other: Revision, conflict: bool
) -> None:
    assert is_conflict(one, other) is is_conflict(other, one) is conflict


def record(key: str, of: Revision, index: int) -> Record:
    return Record(key, of, [key], "", index)


def records(*revisions: Revision) -> list[Record]:
    return [record("k", each, index) for index, each in enumerate(revisions)]


def test_only_the_greatest_meets_the_store() -> None:
    first, second, third = records(
        revision(version=1), revision(version=3, content=b"c"), revision(version=2)
    )
    for order in permutations((first, second, third)):
        reduced = greatest_per_key(order)
        assert reduced.winners == {"k": second}
        assert sorted(reduced.losers) == [(first, Outcome.SUPERSEDED), (third, Outcome.SUPERSEDED)]
        assert reduced.conflicts == []


def test_equal_content_counts_duplicate() -> None:
    old, new = records(revision(version=1), revision(version=2))
    assert greatest_per_key([new, old]).losers == [(old, Outcome.DUPLICATE)]


def test_a_conflict_inside_the_batch_is_noted_once() -> None:
    one, other = records(revision(version=1, number=1), revision(version=1, number=2, content=b"b"))
    for order in ((one, other), (other, one)):
        reduced = greatest_per_key(order)
        assert reduced.conflicts == [one]
        assert reduced.winners == {"k": other}


def test_keys_do_not_meet() -> None:
    mine, yours = record("a", revision(version=1), 0), record("b", revision(version=1, content=b"b"), 1)
    reduced = greatest_per_key([mine, yours])
    assert reduced.winners == {"a": mine, "b": yours}
    assert not reduced.losers
    assert not reduced.conflicts


REVISIONS = st.builds(
    revision,
    st.sampled_from(["", EARLY, LATE]),
    st.sampled_from([-1, 0, 1]),
    st.sampled_from(["", EARLY, LATE]),
    st.integers(-1, 3),
    st.sampled_from([b"a", b"b", b"c"]),
)
RECORDS = st.lists(st.builds(record, st.sampled_from("xyz"), REVISIONS, st.integers(0, 99)), max_size=12)


@given(RECORDS)
@STEADY
def test_a_batch_keeps_the_greatest_of_every_key_and_accounts_for_the_rest(
    given_records: Sequence[Record],
) -> None:
    reduced = greatest_per_key(given_records)
    assert reduced.winners.keys() == {r.key for r in given_records}
    for key, winner in reduced.winners.items():
        mine = [r for r in given_records if r.key == key]
        assert winner.revision == max(r.revision for r in mine)
        lost = [(r, outcome) for r, outcome in reduced.losers if r.key == key]
        assert len(lost) == len(mine) - 1
        for loser, outcome in lost:
            same = loser.revision.digest == winner.revision.digest
            assert outcome == (Outcome.DUPLICATE if same else Outcome.SUPERSEDED)


@given(RECORDS, st.randoms(use_true_random=False))
@STEADY
def test_the_order_inside_a_batch_does_not_matter(given_records: list[Record], random: object) -> None:
    shuffled = list(given_records)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = greatest_per_key(given_records), greatest_per_key(shuffled)
    assert {k: r.revision for k, r in one.winners.items()} == {
        k: r.revision for k, r in other.winners.items()
    }
    assert sorted(o for _, o in one.losers) == sorted(o for _, o in other.losers)
    assert len(one.conflicts) == len(other.conflicts)


def test_a_backfilled_record_loses_to_a_live_one_of_the_same_age() -> None:
    body = json.dumps(ledger_body("t-1", version=3)).encode()
    (parsed,) = reader_of("ledger", DEFAULTS).read(body, LATE)
    assert revision_of(parsed, "", -1) < revision_of(parsed, "2026-11-23T12:00:00", 0)
