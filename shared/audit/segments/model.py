"""A segment boundary: where a chain does not hold, up to which entry, and what those entries were when it was closed.

Nothing is repaired. The document says the position of the break, the last hash before it, the position and hash from
which the chain goes on, and a digest over the entries between as they stood. It is one line of JSON that is signed.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Self

FORMAT = "counterfoil-audit-segment/1"
DOCUMENT_BYTES_MAX = 4_096


@dataclass(frozen=True)
class Boundary:
    """What is signed; hashes are hexadecimal. Anchors from the break to `anchors_until` are held against nothing."""

    format: str
    chain: str
    break_position: int
    flaw: str
    good_hash: str
    head_position: int
    head_hash: str
    digest: str
    anchors_until: int
    key_id: str
    algorithm: str

    def encode(self) -> bytes:
        """The bytes that are signed."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True).encode()

    @classmethod
    def decode(cls, document: bytes) -> Self | None:
        """The boundary of these bytes, None when they are not exactly what one is written as."""
        try:
            said = json.loads(document[:DOCUMENT_BYTES_MAX])
            boundary = cls(**said)
            is_exact = boundary.encode() == document and set(said) == {each.name for each in fields(cls)}
        except (RecursionError, TypeError, UnicodeError, ValueError):
            return None
        return boundary if is_exact and boundary.is_sound() else None

    def is_sound(self) -> bool:
        """Whether the positions are positions and the hashes hashes."""
        numbers = (self.break_position, self.head_position, self.anchors_until)
        if not all(type(each) is int for each in numbers) or self.format != FORMAT:
            return False
        try:
            hashes = [bytes.fromhex(each) for each in (self.good_hash, self.head_hash, self.digest)]
        except (TypeError, ValueError):
            return False
        in_order = self.head_position >= self.break_position - 1 >= 0 <= self.anchors_until
        return in_order and all(len(each) == 32 for each in hashes)

    def covers(self, position: int) -> bool:
        """Whether this position lies where nothing holds."""
        return self.break_position <= position <= max(self.head_position, self.break_position)


@dataclass(frozen=True)
class Segment:
    """A boundary as it was closed: by whom, why, and the signature as it stands."""

    boundary: Boundary
    signature: bytes
    requested_by: str
    approved_by: str
    approval_id: str
    reason: str
    closed_at: datetime


def entries_digest(entries: Iterable[tuple[bytes, bytes, bytes]]) -> str:
    """SHA-256 over previous hash, hash and canonical bytes of entries as they are stored, right or wrong, in order."""
    digest = hashlib.sha256()
    for entry in entries:
        for part in entry:
            digest.update(len(part).to_bytes(4, "big") + part)
    return digest.hexdigest()
