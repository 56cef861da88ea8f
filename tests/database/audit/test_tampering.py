"""One bit in any byte of any stored field, of an archive, its manifest or its signature: found, and named."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from shared.audit.links import Finding, Flaw
from shared.audit.manifest import ENTRIES, MANIFEST, SIGNATURE
from shared.audit.model import COLUMNS, Chain, Entry
from shared.audit.verify_archive import verify_archive
from shared.audit.verify_chain import verify_chain
from shared.runtime import Runtime
from tests.support.audit import append, disarm, relinked, replace_all, signing_key, stored
from tests.support.audit_stories import archived, finding

Owner = psycopg.Connection[Any]
SEED = 20_261_123
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Bits of a whole number by column; of a time, the microseconds since 1970 up to the year 2112.
INTEGER_BITS = {"position": 63, "hash_version": 15}
TIME_BITS = 52
# Written at any time and looked at in order.
PLACE = {"chain", "position"}


def flips(value: Any, column: str, chance: Random) -> Iterator[Any]:
    """The value with one bit turned in each of its bytes; of texts those that a database can hold."""
    if isinstance(value, bytes | str):
        whole = value if isinstance(value, bytes) else value.encode()
        for at in range(len(whole)):
            turned = bytearray(whole)
            turned[at] ^= 1 << chance.randrange(7 if isinstance(value, str) else 8)
            if isinstance(value, bytes):
                yield bytes(turned)
            elif (text := _text(turned)) is not None:
                yield text
    elif isinstance(value, datetime):
        count = (value - EPOCH) // timedelta(microseconds=1)
        yield from (EPOCH + timedelta(microseconds=count ^ (1 << bit)) for bit in range(0, TIME_BITS, 3))
    else:
        yield from (value ^ (1 << bit) for bit in range(0, INTEGER_BITS[column], 2))


def _text(turned: bytearray) -> str | None:
    try:
        text = turned.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def update(owner: Owner, position: int, column: str, value: Any) -> None:
    owner.execute(
        f"UPDATE audit_entries SET {column} = %s WHERE chain = 'control' AND position = %s", (value, position)
    )


@pytest.mark.parametrize("column", [name for name in COLUMNS if name not in PLACE])
def test_a_bit_of_any_stored_field_is_found_at_its_position(
    runtime: Runtime, owner: Owner, column: str
) -> None:
    append(runtime, 4)
    disarm(owner)
    chance = Random(f"{SEED}-{column}")
    count = 0
    for entry in stored(owner)[1:]:
        for turned in flips(getattr(entry, column), column, chance):
            update(owner, entry.position, column, turned)
            found = finding(runtime)
            assert found is not None, (SEED, column, entry.position, turned)
            assert found.position == entry.position, (SEED, column, turned, found)
            count += 1
        update(owner, entry.position, column, getattr(entry, column))
    assert count >= 3
    assert finding(runtime) is None


def test_a_bit_of_a_place_is_found_where_the_entry_is_missing(runtime: Runtime, owner: Owner) -> None:
    append(runtime, 4)
    disarm(owner)
    second = stored(owner)[1]
    where = "WHERE chain = 'control' AND position = 2"
    for chain in flips("control", "chain", Random(SEED)):
        owner.execute(f"UPDATE audit_entries SET chain = %s {where}", (chain,))
        assert finding(runtime) == Finding(Flaw.MISSING, 2), (SEED, chain)
        owner.execute("UPDATE audit_entries SET chain = 'control' WHERE chain = %s", (chain,))
    for bit in range(2, INTEGER_BITS["position"]):
        moved = second.position ^ (1 << bit)
        owner.execute(f"UPDATE audit_entries SET position = %s {where}", (moved,))
        assert finding(runtime) == Finding(Flaw.MISSING, 2), moved
        owner.execute("UPDATE audit_entries SET position = 2 WHERE position = %s", (moved,))
    owner.execute(f"UPDATE audit_entries SET position = 0 {where}")
    assert finding(runtime) == Finding(Flaw.MISSING, 2)


def test_a_field_that_was_emptied_or_filled_is_found(runtime: Runtime, owner: Owner) -> None:
    append(runtime, 2, approval_id=None)
    disarm(owner)
    owner.execute("ALTER TABLE audit_entries ALTER actor DROP NOT NULL")
    for column, value in (("actor", None), ("approval_id", "app-9"), ("after", None), ("site_id", "null")):
        kept = getattr(stored(owner)[1], column)
        update(owner, 2, column, value)
        assert finding(runtime) == Finding(Flaw.FIELDS_DIFFER, 2), column
        update(owner, 2, column, kept)
    assert finding(runtime) is None


def swapped(entries: list[Entry]) -> list[Entry]:
    """The third and the fourth have changed their places, and everything else of them stays."""
    third, fourth = entries[2:4]
    return [*entries[:2], replace(fourth, position=3), replace(third, position=4), *entries[4:]]


def test_deleted_inserted_swapped_and_truncated(runtime: Runtime, owner: Owner) -> None:
    append(runtime, 6)
    entries = stored(owner)
    disarm(owner)
    inserted = relinked([replace(entries[2], reason="inserted")], entries[1])[0]
    pushed = [replace(entry, position=entry.position + 1) for entry in entries[2:]]
    for rows, expected in (
        ([*entries[:2], *entries[3:]], Finding(Flaw.MISSING, 3)),
        (entries[1:], Finding(Flaw.MISSING, 1)),
        ([*entries[:2], inserted, *pushed], Finding(Flaw.FIELDS_DIFFER, 4)),
        ([*entries[:2], inserted, *relinked(pushed, entries[1])], Finding(Flaw.RELINKED, 4)),
        (swapped(entries), Finding(Flaw.FIELDS_DIFFER, 3)),
    ):
        replace_all(owner, rows)
        assert finding(runtime) == expected
    replace_all(owner, entries[:4])
    assert finding(runtime) is None
    assert finding(runtime, last=6) == Finding(Flaw.TRUNCATED, 5)


@pytest.mark.parametrize("start", [1, 2, 4])
def test_rebuilt_from_a_position_without_the_rest_is_found(
    runtime: Runtime, owner: Owner, start: int
) -> None:
    """Rows linked anew up to the last but one: the last one points to what was there before."""
    append(runtime, 6)
    entries = stored(owner)
    disarm(owner)
    before = entries[start - 2] if start > 1 else None
    rebuilt = relinked([replace(entry, reason="another") for entry in entries[start - 1 : 5]], before)
    replace_all(owner, [*entries[: start - 1], *rebuilt, entries[5]])
    assert finding(runtime) == Finding(Flaw.RELINKED, 6)


def test_a_part_of_a_chain_is_verified_by_itself(runtime: Runtime, owner: Owner) -> None:
    append(runtime, 6)
    disarm(owner)
    update(owner, 2, "reason", "another")
    part = verify_chain(runtime, Chain.CONTROL, first=4, last=5)
    assert (part.count, part.last, part.finding) == (2, 5, None)
    assert part.head_hash == stored(owner)[4].hash
    assert finding(runtime, first=2, last=3) == Finding(Flaw.FIELDS_DIFFER, 2)
    owner.execute("DELETE FROM audit_entries WHERE position = 3")
    assert finding(runtime, first=4) == Finding(Flaw.MISSING, 3)
    assert finding(runtime, first=8) == Finding(Flaw.MISSING, 7)


def test_a_bit_of_any_byte_of_an_archive_is_found(runtime: Runtime, owner: Owner, tmp_path: Path) -> None:
    append(runtime, 2)
    chance, keys = Random(SEED), [signing_key().public]
    with archived(runtime) as file:
        stem = file.name.removesuffix(ENTRIES)
        whole = {end: file.with_name(stem + end).read_bytes() for end in (ENTRIES, MANIFEST, SIGNATURE)}
    for end, content in whole.items():
        (tmp_path / (stem + end)).write_bytes(content)
    assert verify_archive(tmp_path / file.name, keys).finding is None
    for end, content in whole.items():
        path = tmp_path / (stem + end)
        for at in range(len(content)):
            turned = bytearray(content)
            turned[at] ^= 1 << chance.randrange(8)
            path.write_bytes(turned)
            found = verify_archive(tmp_path / file.name, keys).finding
            expected = content[:at].count(b"\n") + 1 if end == ENTRIES else None
            assert found is not None, (SEED, end, at)
            assert found.position == expected, (SEED, end, at, found)
            assert found.position or found == Finding(Flaw.SIGNATURE_INVALID, None, stem + MANIFEST)
        path.write_bytes(content)
    assert verify_archive(tmp_path / file.name, keys).finding is None
