"""A segment boundary: where a chain does not hold, up to which entry, and what those entries were when it was closed.

Nothing is repaired. The document says the position of the break, the last hash before it, the position and hash from
which the chain goes on, and a digest over the entries between as they stood. It is one line of JSON that is signed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Self

from shared.audit.model import instant_text

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

    def spans(self, position: int) -> bool:
        """Whether an entry that was closed may stand here; behind a cut there is none."""
        return self.break_position <= position <= self.head_position

    def touches(self, first: int, last: int) -> bool:
        """Whether a look at these positions passes by."""
        return self.break_position <= last + 1 and max(self.head_position, self.break_position) >= first


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

    def told(self, month: str) -> dict[str, str]:
        """What a manifest says of it; `month` is that of the first archive that does."""
        return {
            "approval_id": self.approval_id,
            "approved_by": self.approved_by,
            "closed_at": instant_text(self.closed_at),
            "document": self.boundary.encode().decode(),
            "month": month,
            "reason": self.reason,
            "requested_by": self.requested_by,
            "signature": self.signature.hex(),
        }


def told_boundary(told: Mapping[str, str]) -> Boundary | None:
    """The boundary of what a manifest says; None when that is not exactly what one is told as."""
    try:
        boundary = Boundary.decode(told["document"].encode())
        if boundary is None:
            return None
        segment = Segment(
            boundary=boundary,
            signature=bytes.fromhex(told["signature"]),
            requested_by=told["requested_by"],
            approved_by=told["approved_by"],
            approval_id=told["approval_id"],
            reason=told["reason"],
            closed_at=datetime.fromisoformat(told["closed_at"]),
        )
        return boundary if segment.told(told["month"]) == told else None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def passed_over(boundaries: Iterable[Boundary]) -> list[Boundary]:
    """Those that are passed over on the way along a chain, in order; what lies inside of another one is not."""
    found: list[Boundary] = []
    position = 0
    for each in sorted(boundaries, key=lambda boundary: boundary.break_position):
        if each.break_position > position:
            found.append(each)
            position = each.head_position
    return found


def held_against(told: Mapping[int, bytes], boundaries: Sequence[Boundary]) -> dict[int, bytes]:
    """The published hashes by position without those of closed breaks, where what stands is known to be otherwise."""
    return {
        position: known
        for position, known in told.items()
        if not any(each.break_position <= position <= each.anchors_until for each in boundaries)
    }


def stretch_part(previous_hash: bytes, known: bytes, canonical: bytes) -> bytes:
    """What one entry adds to the digest of a break."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in (previous_hash, known, canonical))


def entries_digest(entries: Iterable[tuple[bytes, bytes, bytes]]) -> str:
    """SHA-256 over previous hash, hash and canonical bytes of entries as they are stored, right or wrong, in order."""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(stretch_part(*entry))
    return digest.hexdigest()
