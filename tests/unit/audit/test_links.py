"""A chain's lines: what holds, and each way in which it does not, with the first bad position."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audit.links import ChainCheck, Finding, Flaw, line_of
from shared.audit.model import Chain, Entry, entry_hash
from tests.support.audit import chain_of, relinked

ENTRIES = chain_of(6)
LINES = [line_of(entry) for entry in ENTRIES]


def found(lines: Sequence[bytes]) -> Finding | None:
    return ChainCheck("control").take_all(lines)


def forged(position: int, rest: bool = True) -> list[bytes]:
    """Linked anew from a position on, or at that position only."""
    at = position - 1
    end = len(ENTRIES) if rest else position
    changed = [replace(entry, reason="another") for entry in ENTRIES[at:end]]
    made = relinked(changed, ENTRIES[at - 1] if at else None)
    return [*LINES[:at], *map(line_of, made), *LINES[end:]]


def test_a_chain_holds_in_one_piece_and_in_several() -> None:
    check = ChainCheck("control")
    assert check.take_all(LINES) is None
    assert (check.position, check.hash, check.first_hash) == (6, ENTRIES[5].hash, ENTRIES[0].hash)
    assert check.appended_text == "2026-11-02T00:00:05.000000Z"
    pieces = ChainCheck("control")
    assert [pieces.take_all(LINES[at : at + 2]) for at in (0, 2, 4)] == [None] * 3
    assert (pieces.position, pieces.hash, pieces.first_hash) == (check.position, check.hash, check.first_hash)
    assert ChainCheck("control").appended_text is None


@pytest.mark.parametrize(
    ("lines", "flaw", "position"),
    [
        ([*LINES[:2], *LINES[3:]], Flaw.MISSING, 3),
        (LINES[1:], Flaw.MISSING, 1),
        ([*LINES[:2], LINES[1], *LINES[2:]], Flaw.REPEATED, 3),
        ([*LINES[:2], LINES[3], LINES[2], *LINES[4:]], Flaw.MISSING, 3),
        (forged(3, rest=False), Flaw.RELINKED, 4),
        ([LINES[0], LINES[1][:-1]], Flaw.CHANGED, 2),
        ([LINES[0], LINES[1][:300]], Flaw.MALFORMED, 2),
        ([LINES[0], LINES[1].replace(b"\n", b"\r\n")], Flaw.CHANGED, 2),
        ([LINES[0], b"\n"], Flaw.MALFORMED, 2),
        ([b"[" * 100_000], Flaw.MALFORMED, 1),
        ([b'{"previous_hash":"00","hash":"00","entry":{"chain":"control","position":1e999}}\n'], Flaw.MALFORMED, 1),
        ([LINES[0], LINES[1].replace(b'"hash":', b'"hash": ')], Flaw.CHANGED, 2),
        ([LINES[0], LINES[1].replace(b'"version":"01"', b'"version":"02"')], Flaw.CHANGED, 2),
        ([line_of(entry) for entry in chain_of(2, chain=Chain.ACCESS)], Flaw.OTHER_CHAIN, 1),
    ],
)  # fmt: skip
def test_each_way_is_found(lines: list[bytes], flaw: Flaw, position: int) -> None:
    assert found(lines) == Finding(flaw, position)


def test_a_chain_made_anew_holds_unless_a_head_is_known() -> None:
    lines = forged(3)
    assert found(lines) is None
    for position in (3, 5, 6):
        check = ChainCheck("control", expected={position: ENTRIES[position - 1].hash})
        assert check.take_all(lines) == Finding(Flaw.ANCHOR_DIFFERS, position)
        assert check.position == position - 1
    assert ChainCheck("control", expected={2: ENTRIES[1].hash}).take_all(lines) is None


def test_a_time_that_falls_is_found_and_one_that_stands_is_not() -> None:
    def with_time(seconds: float) -> list[bytes]:
        fourth = replace(ENTRIES[3], appended_at=ENTRIES[2].appended_at + timedelta(seconds=seconds))
        return [*LINES[:3], line_of(relinked([fourth], ENTRIES[2])[0])]

    assert found(with_time(0)) is None
    assert found(with_time(-0.000001)) == Finding(Flaw.CLOCK_REGRESS, 4)
    check = ChainCheck("control")
    check.not_before(ENTRIES[0].appended_at + timedelta(microseconds=1))
    assert check.take_all(LINES) == Finding(Flaw.CLOCK_REGRESS, 1)


def test_members_out_of_order_are_no_entry() -> None:
    """Rightly hashed and linked, but not canonical."""
    canonical = ENTRIES[0].canonical.replace(
        b'"chain":"control","position":1', b'"position":1,"chain":"control"'
    )
    digest = entry_hash(1, bytes(32), canonical)
    assert found([line_of(replace(ENTRIES[0], canonical=canonical, hash=digest))]) == Finding(
        Flaw.MALFORMED, 1
    )


def test_columns_are_compared_with_the_bytes() -> None:
    for change in (
        {"reason": None},
        {"site_id": "null"},
        {"after": '{"state": "ACCEPTED"}'},
        {"occurred_at": ENTRIES[2].appended_at},
    ):
        spoiled: list[Entry] = [*ENTRIES[:2], replace(ENTRIES[2], **change), *ENTRIES[3:]]
        check = ChainCheck("control")
        assert check.take_entries(spoiled) == Finding(Flaw.FIELDS_DIFFER, 3)
        assert check.position == 2
    # What comes first is named.
    assert ChainCheck("control").take_entries([ENTRIES[0], replace(ENTRIES[2], reason="x")]) == Finding(
        Flaw.FIELDS_DIFFER, 2
    )
    assert ChainCheck("control").take_entries([ENTRIES[1], replace(ENTRIES[2], reason="x")]) == Finding(
        Flaw.MISSING, 1
    )


WHOLE = b"".join(LINES)


@given(at=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
def test_any_bit_is_found_at_its_line(at: int, bit: int) -> None:
    turned = bytearray(WHOLE)
    turned[at] ^= 1 << bit
    finding = found(_split(bytes(turned)))
    assert finding is not None
    assert finding.position == WHOLE[:at].count(b"\n") + 1


def _split(whole: bytes) -> list[bytes]:
    *lines, rest = whole.split(b"\n")
    return [line + b"\n" for line in lines] + ([rest] if rest else [])


Spoil = Callable[[list[bytes], int, int], list[bytes]]
SPOILS: dict[str, Spoil] = {
    "delete": lambda lines, at, other: lines[:at] + lines[at + 1 :],
    "insert": lambda lines, at, other: [*lines[:at], lines[other], *lines[at:]],
    "swap": lambda lines, at, other: [
        lines[other] if n == at else lines[at] if n == other else line for n, line in enumerate(lines)
    ],
}


@pytest.mark.parametrize("name", SPOILS)
@given(at=st.integers(0, 4), other=st.integers(0, 5))
def test_any_line_deleted_inserted_or_swapped_is_found(name: str, at: int, other: int) -> None:
    lines = SPOILS[name](LINES, at, other)
    finding = found(lines)
    if lines == LINES:
        assert finding is None
        return
    first = next((n for n, (a, b) in enumerate(zip(lines, LINES, strict=False)) if a != b), len(LINES))
    assert finding is not None
    assert finding.position == first + 1
