"""SQL of closed breaks. What closes one is compared with the chain in the same transaction."""

from collections.abc import Iterator

from sqlalchemy import Connection

from shared.audit.errors import SegmentInvalid
from shared.audit.model import GENESIS, Chain
from shared.audit.segments.model import Boundary, Segment, entries_digest
from shared.database.database import driver

_PAGE = 1_000
_HASH = "SELECT hash FROM audit_entries WHERE chain = %s AND position = %s"
_STRETCH = """
SELECT previous_hash, hash, canonical, position FROM audit_entries
WHERE chain = %s AND position > %s AND position <= %s ORDER BY position LIMIT %s
"""
_COLUMNS = "document, signature, requested_by, approved_by, approval_id, reason, closed_at"
_LIST = f"SELECT {_COLUMNS} FROM chain_segments WHERE chain = %s ORDER BY break_position"
_INSERT = f"""
INSERT INTO chain_segments (chain, break_position, head_position, {_COLUMNS})
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""


def list_segments(connection: Connection, chain: Chain) -> list[tuple[bytes, bytes, Segment | None]]:
    """Document and signature of every closed break, and what they say; None for what cannot be read."""
    found = []
    for document, signature, *rest in driver(connection).execute(_LIST, (chain.value,)).fetchall():
        boundary = Boundary.decode(bytes(document))
        segment = Segment(boundary, bytes(signature), *rest) if boundary else None
        found.append((bytes(document), bytes(signature), segment))
    return found


def check_boundary(connection: Connection, boundary: Boundary) -> None:
    """Whether the chain is as the boundary says, and open there. Raises SegmentInvalid."""
    chain = Chain(boundary.chain)
    for _, _, segment in list_segments(connection, chain):
        if segment is not None and segment.boundary.covers(boundary.break_position):
            raise SegmentInvalid(f"the break at {boundary.break_position} is closed")
    good = _hash_at(connection, chain, boundary.break_position - 1)
    head = _hash_at(connection, chain, boundary.head_position)
    if (good, head) != (bytes.fromhex(boundary.good_hash), bytes.fromhex(boundary.head_hash)):
        raise SegmentInvalid("the entries before the break, or at its end, are others")
    if stretch_digest(connection, chain, boundary.break_position, boundary.head_position) != boundary.digest:
        raise SegmentInvalid("the entries of the break are others")


def stretch_digest(connection: Connection, chain: Chain, first: int, last: int) -> str:
    """The digest of the entries between two positions as they are stored."""
    return entries_digest(_entries(connection, chain, first - 1, last))


def _entries(
    connection: Connection, chain: Chain, after: int, last: int
) -> Iterator[tuple[bytes, bytes, bytes]]:
    while page := driver(connection).execute(_STRETCH, (chain.value, after, last, _PAGE)).fetchall():
        for previous_hash, known, canonical, position in page:
            yield bytes(previous_hash), bytes(known), bytes(canonical)
            after = position


def _hash_at(connection: Connection, chain: Chain, position: int) -> bytes | None:
    row = driver(connection).execute(_HASH, (chain.value, position)).fetchone()
    return bytes(row[0]) if row else GENESIS if position == 0 else None


def insert_segment(connection: Connection, segment: Segment) -> None:
    """Close a break for ever. Raises SegmentInvalid when the chain is not as it says, or the break is closed."""
    boundary = segment.boundary
    check_boundary(connection, boundary)
    values = (
        boundary.chain,
        boundary.break_position,
        boundary.head_position,
        boundary.encode(),
        segment.signature,
        segment.requested_by,
        segment.approved_by,
        segment.approval_id,
        segment.reason,
        segment.closed_at,
    )
    if driver(connection).execute(_INSERT, values).rowcount != 1:
        raise SegmentInvalid(f"the break at {boundary.break_position} is closed")
