"""The lines of an archive: entries that hold, page by page, and between them the breaks that were closed."""

from collections.abc import Iterator, Sequence

from shared.audit.errors import ArchiveRefused, ChainBroken
from shared.audit.links import ChainCheck, Finding, Flaw, line_of
from shared.audit.model import Chain
from shared.audit.pages import entry_pages
from shared.audit.segments.closed_lines import CLOSED_LINE_BYTES_MAX, ClosedCheck, closed_line
from shared.audit.segments.model import Boundary, passed_over
from shared.database import Database


def archive_lines(
    database: Database, check: ChainCheck, chain: Chain, last: int, closed: Sequence[Boundary]
) -> Iterator[bytes]:
    """The lines up to `last`; what does not hold and is not closed is never signed. Raises ChainBroken."""
    for boundary in passed_over(closed):
        yield from _entries(database, check, chain, boundary.break_position - 1)
        yield from _closed(database, check, chain, boundary)
    yield from _entries(database, check, chain, last)


def _entries(database: Database, check: ChainCheck, chain: Chain, last: int) -> Iterator[bytes]:
    for page in entry_pages(database, chain, check.position, last):
        if finding := check.take_entries(page):
            raise _broken(chain, finding)
        yield b"".join(map(line_of, page))
    if check.position < last:
        raise _broken(chain, Finding(Flaw.MISSING, check.position + 1))


def _closed(database: Database, check: ChainCheck, chain: Chain, boundary: Boundary) -> Iterator[bytes]:
    """A closed break's entries as they stand, checked as whoever verifies the archive checks them."""
    if check.hash.hex() != boundary.good_hash:
        raise _broken(chain, Finding(Flaw.SEGMENT_DIFFERS, boundary.break_position))
    passing = ClosedCheck([boundary])
    for page in entry_pages(database, chain, check.position, boundary.head_position):
        lines = [closed_line(entry).encode() for entry in page]
        if max(map(len, lines)) > CLOSED_LINE_BYTES_MAX:
            raise ArchiveRefused(f"{chain}: an entry of the break at {boundary.break_position} is too large")
        if finding := passing.take_all(check, lines):
            raise _broken(chain, finding)
        yield b"".join(lines)
    if finding := passing.end():
        raise _broken(chain, finding)


def _broken(chain: Chain, finding: Finding) -> ChainBroken:
    return ChainBroken(f"{chain}: {finding.flaw}", finding.position, finding.flaw)
