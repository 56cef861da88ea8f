"""Verify a chain as it is stored, against itself and against what was published outside of the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.audit import store
from shared.audit.anchors import Anchor, expected_hashes
from shared.audit.links import ChainCheck, Finding, Flaw
from shared.audit.model import Chain
from shared.audit.pages import entry_pages
from shared.runtime import Runtime


@dataclass(frozen=True)
class Verification:
    """How far a chain holds, and the first thing that does not; `count` entries were good."""

    chain: Chain
    first: int
    count: int
    head_hash: bytes
    finding: Finding | None

    @property
    def last(self) -> int:
        """The last good position."""
        return self.first + self.count - 1


def verify_chain(
    runtime: Runtime, chain: Chain, first: int = 1, last: int | None = None, anchors: Sequence[Anchor] = ()
) -> Verification:
    """Check the entries from `first` to `last`, or to the end; anchors are heads that stood there once."""
    told = expected_hashes(anchors, chain)
    with runtime.database.statement() as connection:
        head = store.fetch_head(connection, chain)
    end = last if last is not None else head.position if head else 0
    check = ChainCheck(chain.value, expected=told)
    finding = _begin(runtime, check, chain, first)
    if finding is None:
        for page in entry_pages(runtime.database, chain, first - 1, end):
            if finding := check.take_entries(page):
                break
    due = max(end, max(told, default=0)) if last is None else end
    if finding is None and check.position < due:
        finding = Finding(Flaw.TRUNCATED, check.position + 1)
    return Verification(chain, first, check.position - first + 1, check.hash, finding)


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
