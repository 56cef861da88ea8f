"""Verify access records beside their seals: what was sealed stands as it was, or went into a verified archive."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.adapters.blob import BlobStore
from shared.audit.access import store as records
from shared.audit.access.archives import ArchivedMonth
from shared.audit.access.model import lines_digest, record_line
from shared.audit.access.seals import Seal, seal_of
from shared.audit.links import Finding, Flaw
from shared.audit.model import Action, Chain
from shared.audit.pages import entry_pages
from shared.database import Database


@dataclass(frozen=True)
class SealCheck:
    """How many seals and records hold, how many records are in archives only, and the first thing that does not."""

    seals: int
    records: int
    archived: int
    finding: Finding | None


def verify_seals(
    database: Database, blobs: BlobStore, months: Sequence[ArchivedMonth], first: int, last: int
) -> SealCheck:
    """Check the seals between two positions of the chain `access`, which itself was found good."""
    seals, count, archived = 0, 0, 0
    taken: list[range] = []
    for page in entry_pages(database, Chain.ACCESS, first - 1, last):
        for entry in page:
            if entry.action != Action.ACCESS_SEAL:
                continue
            seal = seal_of(entry)
            if seal is None:
                return SealCheck(seals, count, archived, Finding(Flaw.MALFORMED_SEAL, entry.position))
            if not _add(taken, seal):
                return SealCheck(seals, count, archived, Finding(Flaw.OVERLAPPING_SEAL, seal.position))
            gone = _gone(database, blobs, months, seal)
            if gone is None:
                return SealCheck(seals, count, archived, Finding(Flaw.RECORDS_DIFFER, seal.position))
            seals, count, archived = seals + 1, count + seal.count, archived + gone
    return SealCheck(seals, count, archived, None)


def _add(taken: list[range], seal: Seal) -> bool:
    """Take a seal's ids; False when one of them was taken before. Ranges are kept joined, so there are few."""
    for new in seal.ranges:
        joined = new
        for old in [each for each in taken if each.start <= new.stop and new.start <= each.stop]:
            if old.start < new.stop and new.start < old.stop:
                return False
            joined = range(min(joined.start, old.start), max(joined.stop, old.stop))
            taken.remove(old)
        taken.append(joined)
    return True


def _gone(database: Database, blobs: BlobStore, months: Sequence[ArchivedMonth], seal: Seal) -> int | None:
    """How many of a seal's records are in an archive only; None when they are not what was sealed."""
    with database.statement() as connection:
        found = records.list_sealed(connection, seal.first_recorded_at, seal.last_recorded_at, seal.ids)
    lines = [record_line(each) for each in found]
    if len(lines) == seal.count and lines_digest(lines) == seal.digest:
        return 0
    month = next((each for each in months if seal.position in each.examined.kept), None)
    kept = month.lines_of(blobs, seal) if month else None
    # Days go whole, a seal may span two of them: what is left must be what was archived.
    if kept is None or lines_digest(kept) != seal.digest or not set(lines) <= set(kept):
        return None
    return seal.count - len(lines)
