"""Verify a chain as it is stored, against itself, against what was published of it, and beside what was closed."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.audit import store
from shared.audit.anchors import Anchor, expected_hashes
from shared.audit.links import ChainCheck, Finding, Flaw
from shared.audit.model import GENESIS, Chain
from shared.audit.pages import entry_pages
from shared.audit.segments import store as segment_store
from shared.audit.segments.model import Boundary, held_against
from shared.runtime import Runtime


@dataclass(frozen=True)
class Verification:
    """How far a chain holds, and the first thing that does not; `count` entries were looked at and good, or closed.

    `closed` are the breaks that two persons closed, on the way: they are shown for ever.
    """

    chain: Chain
    first: int
    count: int
    head_hash: bytes
    finding: Finding | None
    closed: tuple[Boundary, ...] = ()

    @property
    def last(self) -> int:
        """The last good position."""
        return self.first + self.count - 1


def verify_chain(
    runtime: Runtime,
    chain: Chain,
    first: int = 1,
    last: int | None = None,
    anchors: Sequence[Anchor] = (),
    boundaries: Sequence[Boundary] = (),
) -> Verification:
    """Check the entries from `first` to `last`, or to the end.

    Anchors are heads that stood there once, boundaries closed breaks; whoever hands them in has checked who signed.
    """
    told = held_against(expected_hashes(anchors, chain), boundaries)
    with runtime.database.statement() as connection:
        head = store.fetch_head(connection, chain)
    end = last if last is not None else head.position if head else 0
    check = ChainCheck(chain.value, expected=told)
    finding = _begin(runtime, check, chain, first)
    closed = tuple(each for each in boundaries if each.touches(first, end))
    ahead = list(boundaries)
    while finding is None and (finding := _take(runtime, check, chain, end)) is not None:
        around = [each for each in ahead if each.covers(finding.position or 0)]
        if not around:
            break
        ahead.remove(around[0])
        finding = _pass_over(runtime, check, chain, around[0])
    due = max(end, max(told, default=0)) if last is None else end
    if finding is None and check.position < due:
        finding = Finding(Flaw.TRUNCATED, check.position + 1)
    return Verification(chain, first, check.position - first + 1, check.hash, finding, closed)


def _take(runtime: Runtime, check: ChainCheck, chain: Chain, end: int) -> Finding | None:
    for page in entry_pages(runtime.database, chain, check.position, end):
        if finding := check.take_entries(page):
            return finding
    return None


def _pass_over(runtime: Runtime, check: ChainCheck, chain: Chain, boundary: Boundary) -> Finding | None:
    """Go on behind a closed break, when its entries are still what they were when it was closed."""
    first, head = boundary.break_position, boundary.head_position
    with runtime.database.statement() as connection:
        digest = segment_store.stretch_digest(connection, chain, first, head)
        last = store.list_entries(connection, chain, after=head - 1, last=head, limit=1)
    known = last[0].hash if last else GENESIS
    if digest != boundary.digest or known.hex() != boundary.head_hash:
        return Finding(Flaw.SEGMENT_DIFFERS, first)
    check.position, check.hash = head, known
    if last:
        check.not_before(last[0].appended_at)
    return None


def _begin(runtime: Runtime, check: ChainCheck, chain: Chain, first: int) -> Finding | None:
    """Take the entry before the first as given: what lies before it is another verification."""
    check.position = first - 1
    if first == 1:
        return None
    with runtime.database.statement() as connection:
        before = store.list_entries(connection, chain, after=first - 2, last=first - 1, limit=1)
    if not before:
        return Finding(Flaw.MISSING, first - 1)
    check.hash = before[0].hash
    check.not_before(before[0].appended_at)
    return None
