"""Verify access records beside their seals: what was sealed stands as it was, or went into a verified archive."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.audit.access import store as records
from shared.audit.access.model import lines_digest, record_line
from shared.audit.access.seals import Seal, seal_of
from shared.audit.access.unsealed import window_of
from shared.audit.links import Finding, Flaw
from shared.audit.model import Action, Chain
from shared.audit.pages import entry_pages
from shared.audit.segments.model import Boundary
from shared.database import Database

LinesOf = Callable[[Seal], list[bytes] | None]


@dataclass(frozen=True)
class SealCheck:
    """How many seals and records hold, how many records are in archives only, and the first thing that does not."""

    seals: int
    records: int
    archived: int
    finding: Finding | None


def verify_seals(
    database: Database, lines_of: LinesOf, first: int, last: int, closed: Sequence[Boundary] = ()
) -> SealCheck:
    """Check the seals between two positions of the chain `access`, which itself was found good.

    `lines_of` gives what was archived of a seal. Of entries that two persons closed nothing is proved, so that they
    are no seals.
    """
    taken: list[range] = []
    check, latest = SealCheck(0, 0, 0, None), None
    for page in entry_pages(database, Chain.ACCESS, first - 1, last):
        for entry in page:
            if entry.action != Action.ACCESS_SEAL or any(each.spans(entry.position) for each in closed):
                continue
            seal = seal_of(entry)
            if seal is None:
                return replace(check, finding=Finding(Flaw.MALFORMED_SEAL, entry.position))
            if not _add(taken, seal):
                return replace(check, finding=Finding(Flaw.OVERLAPPING_SEAL, seal.position))
            gone = _gone(database, lines_of, seal)
            if gone is None:
                return replace(check, finding=Finding(Flaw.RECORDS_DIFFER, seal.position))
            check = SealCheck(check.seals + 1, check.records + seal.count, check.archived + gone, None)
            latest = seal
    return replace(check, finding=_beside(database, first, latest, closed)) if latest else check


def reach_of(database: Database, first: int, last: int, records_max: int) -> int:
    """Up to which position the seals from `first` on have no more records than that; one is always reached."""
    records, reached = 0, first - 1
    for page in entry_pages(database, Chain.ACCESS, first - 1, last):
        for entry in page:
            seal = seal_of(entry)
            records += seal.count if seal else 0
            if records > records_max and reached >= first:
                return reached
            reached = entry.position
    return last


def _beside(database: Database, first: int, latest: Seal, closed: Sequence[Boundary]) -> Finding | None:
    """Records that were put beside the seals: whatever was recorded before a seal's open time is in it or before it."""
    with database.reading() as connection:
        window = window_of(connection, first, latest)
        if any(each.head_position >= window.first for each in closed):
            # Of seals that were closed nobody knows which records they had.
            return None
        end = latest.open_from - timedelta(microseconds=1)
        count, _ = records.count_unsealed(connection, window.start, end, window.sealed)
    return Finding(Flaw.UNSEALED, None, f"{count} access records") if count else None


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


def _gone(database: Database, lines_of: LinesOf, seal: Seal) -> int | None:
    """How many of a seal's records are in an archive only; None when they are not what was sealed."""
    with database.statement() as connection:
        found = records.list_sealed(connection, seal.first_recorded_at, seal.last_recorded_at, seal.ids)
    lines = [record_line(each) for each in found]
    if len(lines) == seal.count and lines_digest(lines) == seal.digest:
        return 0
    kept = lines_of(seal)
    # Days go whole, a seal may span two of them: what is left must be what was archived.
    if kept is None or lines_digest(kept) != seal.digest or not set(lines) <= set(kept):
        return None
    return seal.count - len(lines)
