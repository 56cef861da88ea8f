"""One request verifies a part, says where the next goes on, and reads no archive that it does not need."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import psycopg
import pytest

from shared.audit.anchors import anchor_name
from shared.audit.archive_chains import archive_chains
from shared.audit.errors import ChainBroken
from shared.audit.links import Flaw
from shared.audit.manifest import ENTRIES
from shared.audit.model import Chain
from shared.audit.publish_anchors import publish_anchors
from shared.audit.reading.answer import VerificationAnswer
from shared.audit.reading.verify_record import ONE_REQUEST, Limits, verify_record
from shared.runtime import Runtime
from shared.security.model import Permission
from tests.support.access import read, seal, spoil, weeks_later
from tests.support.audit import append, disarm, relinked, replace_all, stored
from tests.support.callers import caller_with, context_of
from tests.support.runtime import HeldBlobs

Owner = psycopg.Connection[Any]
FORGED = """
INSERT INTO access_records (recorded_at, occurred_at, actor, principal_type, permission, resource, status, result_count,
    duration_us, request_id, query, looked_up, key_version)
SELECT recorded_at + interval '1 microsecond', occurred_at, 'forged', principal_type, permission, resource, status,
    result_count, duration_us, request_id, query, looked_up, key_version FROM access_records WHERE record_id = %s
"""


@dataclass
class WatchedBlobs(HeldBlobs):
    """Blobs that know which were opened."""

    opened: tuple[str, ...] = ()

    def open(self, name: str) -> BinaryIO:
        self.opened = (*self.opened, name)
        return super().open(name)


def verified(
    runtime: Runtime,
    chain: Chain = Chain.CONTROL,
    first: int = 1,
    last: int | None = None,
    limits: Limits = ONE_REQUEST,
) -> VerificationAnswer:
    context = context_of(caller_with("auditor"), Permission.AUDIT_VERIFY)
    return verify_record(runtime, context, chain, first, last, limits)


def pages(runtime: Runtime, chain: Chain, limits: Limits) -> list[VerificationAnswer]:
    """Every part, as a caller follows them."""
    found = [verified(runtime, chain, limits=limits)]
    while (following := found[-1].next) is not None:
        found.append(verified(runtime, chain, following, limits=limits))
        assert found[-1].previous_hash == found[-2].head_hash
    return found


@pytest.mark.parametrize(("most", "sizes"), [(3, [3, 3, 1]), (7, [7]), (1, [1] * 7), (100, [7])])
def test_a_long_chain_is_verified_in_parts(runtime: Runtime, most: int, sizes: list[int]) -> None:
    append(runtime, 7)
    found = pages(runtime, Chain.CONTROL, Limits(control=most))
    assert [each.count for each in found] == sizes
    assert all(each.holds for each in found)
    assert (found[0].previous_hash, found[-1].last) == ("00" * 32, 7)


def test_a_part_that_was_asked_for_is_cut_too(runtime: Runtime) -> None:
    append(runtime, 7)
    found = verified(runtime, first=2, last=6, limits=Limits(control=3))
    assert (found.first, found.last, found.next) == (2, 4, 5)
    assert verified(runtime, first=5, last=6, limits=Limits(control=3)).next is None


def test_the_last_part_misses_what_was_cut_off(runtime: Runtime, owner: Owner) -> None:
    append(runtime, 7)
    publish_anchors(runtime)
    disarm(owner)
    owner.execute("DELETE FROM audit_entries WHERE position > 4")
    first, second = pages(runtime, Chain.CONTROL, Limits(control=2))
    assert (first.holds, second.holds, second.next) == (True, False, None)
    assert second.finding is not None
    assert (second.finding.flaw, second.finding.position) == ("TRUNCATED", 5)


def test_a_part_reads_the_anchors_of_its_positions_only(runtime: Runtime) -> None:
    runtime = replace(runtime, blobs=WatchedBlobs())
    for _ in range(4):
        append(runtime, 1)
        publish_anchors(runtime)
    blobs = runtime.blobs
    assert isinstance(blobs, WatchedBlobs)
    before = len(blobs.opened)
    assert verified(runtime, first=2, last=3).anchors == 2
    assert blobs.opened[before:] == (anchor_name("control", 2), anchor_name("control", 3))


def test_seals_are_cut_by_their_records(runtime: Runtime) -> None:
    for number in (2, 3, 4, 1):
        read(runtime, number)
        seal(runtime)
    found = pages(runtime, Chain.ACCESS, Limits(records=5))
    assert [(each.seals, each.records) for each in found] == [(2, 5), (2, 5)]
    found = pages(runtime, Chain.ACCESS, Limits(records=1))
    assert [each.records for each in found] == [2, 3, 4, 1]
    found = pages(runtime, Chain.ACCESS, Limits(access=3))
    assert [each.seals for each in found] == [3, 1]
    assert all(each.holds for each in found)


@pytest.mark.parametrize("record_id", [1, 4, 6])
def test_a_record_put_beside_the_seals_is_found(runtime: Runtime, owner: Owner, record_id: int) -> None:
    """Not sealed, and older than what the next seal looks at; also one part after another."""
    for _ in range(3):
        read(runtime, 2)
        seal(runtime)
    read(runtime, 1)
    seal(runtime)
    assert verified(runtime, Chain.ACCESS).holds
    assert spoil(owner, FORGED, record_id) == 1
    found = verified(runtime, Chain.ACCESS)
    assert found.finding is not None
    assert (found.holds, found.finding.flaw) == (False, Flaw.UNSEALED)
    parts = pages(runtime, Chain.ACCESS, Limits(access=1))
    assert [each.holds for each in parts].count(False) == 1


def test_archives_of_records_are_read_when_rows_are_gone(runtime: Runtime, owner: Owner) -> None:
    blobs = WatchedBlobs()
    runtime = replace(runtime, blobs=blobs)
    for _ in range(2):
        read(runtime, 2)
        seal(runtime)
    weeks_later(runtime)
    archive_chains(runtime)
    before = len(blobs.opened)
    assert verified(runtime, Chain.ACCESS).holds
    assert [name for name in blobs.opened[before:] if name.endswith(ENTRIES)] == []
    spoil(owner, "DELETE FROM access_records WHERE record_id < 3")
    found = verified(runtime, Chain.ACCESS)
    assert (found.holds, found.records, found.records_archived) == (True, 4, 2)
    kept = [name for name in blobs.held if "access_records" in name and name.endswith(ENTRIES)]
    (name,) = (each for each in kept if blobs.held[each])
    blobs.held[name] = blobs.held[name].replace(b"http_tx", b"http_ty", 1)
    found = verified(runtime, Chain.ACCESS)
    assert found.finding is not None
    assert found.finding.flaw == Flaw.RECORDS_DIFFER


def _cut(owner: Owner) -> None:
    owner.execute("DELETE FROM audit_entries WHERE chain = 'control' AND position > 3")


def _made_anew(owner: Owner) -> None:
    entries = stored(owner)
    rest = relinked([replace(each, reason="another") for each in entries[1:]], entries[0])
    replace_all(owner, [entries[0], *rest])


@pytest.mark.parametrize("spoiled", [_cut, _made_anew])
def test_the_next_anchor_tells_that_a_chain_was_made_anew(
    runtime: Runtime, owner: Owner, spoiled: Callable[[Owner], None]
) -> None:
    """And the other chain's is published all the same."""
    append(runtime, 5)
    publish_anchors(runtime)
    publish_anchors(runtime)
    disarm(owner)
    spoiled(owner)
    read(runtime, 1)
    seal(runtime)
    with pytest.raises(ChainBroken) as broken:
        publish_anchors(runtime)
    assert broken.value.position == 5
    assert runtime.blobs.names(anchor_name("access", 1)) != []


def test_a_broken_chain_does_not_keep_the_other_from_its_archive(runtime: Runtime, owner: Owner) -> None:
    append(runtime, 3)
    read(runtime, 1)
    seal(runtime)
    disarm(owner)
    owner.execute("UPDATE audit_entries SET reason = 'b' WHERE chain = 'control' AND position = 2")
    weeks_later(runtime)
    with pytest.raises(ChainBroken):
        archive_chains(runtime)
    names = runtime.blobs.names("audit/archives/")
    assert {name.split("/")[2] for name in names} == {"access", "access_records"}
