"""The manifest of a monthly archive: what the file of entries holds, in one line of JSON that is signed.

An archive is three blobs: entries as JSON lines, the manifest, and the detached Ed25519 signature of the manifest's
bytes. The manifest is written last: an archive stands when its manifest does.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Self

from shared.audit.segments.model import Boundary, passed_over, told_boundary

FORMAT = "counterfoil-audit-archive/1"
# Of the breaks that were closed each archive tells all there were, and each with its reason.
MANIFEST_BYTES_MAX = 1 << 20
ENTRIES, MANIFEST, SIGNATURE = ".jsonl", ".manifest.json", ".manifest.sig"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")


@dataclass(frozen=True)
class Manifest:
    """What a signature stands for. Hashes are hexadecimal; without an entry that holds there is no first hash.

    `previous_hash` is that of the entry before the first, `previous_archive` the SHA-256 of the manifest before.
    `segments` are all breaks of the chain that were closed so far, as Segment.told says them; a chain without one has
    no such member. `count` is how many positions there are: within a break entries may be missing.
    """

    format: str
    chain: str
    month: str
    first_position: int
    last_position: int
    count: int
    previous_hash: str
    first_hash: str | None
    last_hash: str
    last_appended_at: str | None
    entries_bytes: int
    entries_sha256: str
    previous_archive: str | None
    key_id: str
    algorithm: str
    segments: tuple[Mapping[str, str], ...] = ()

    def encode(self) -> bytes:
        """The bytes that are signed."""
        said = asdict(self)
        if not self.segments:
            del said["segments"]
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode() + b"\n"

    @property
    def boundaries(self) -> list[Boundary]:
        """Every break that was closed so far."""
        return [each for each in map(told_boundary, self.segments) if each is not None]

    @property
    def stretches(self) -> list[Boundary]:
        """The breaks this archive passes over, in order; the others stand in archives before it."""
        new = [told_boundary(each) for each in self.segments if each.get("month") == self.month]
        return passed_over(each for each in new if each is not None)

    @property
    def digest(self) -> str:
        """By which the next archive names this one."""
        return hashlib.sha256(self.encode()).hexdigest()

    @classmethod
    def decode(cls, told: bytes) -> Self | None:
        """The manifest of these bytes, None when they are not exactly what one is written as."""
        try:
            document = json.loads(told)
            document["segments"] = tuple(document.get("segments", ()))
            manifest = cls(**document)
            is_whole = manifest.encode() == told
        except (AttributeError, RecursionError, TypeError, UnicodeError, ValueError):
            return None
        return manifest if is_whole and manifest.format == FORMAT and manifest.is_sound() else None

    def is_sound(self) -> bool:
        """Whether numbers are numbers, hashes are hashes, and range and count say the same."""
        numbers = (self.first_position, self.last_position, self.count, self.entries_bytes)
        has_first = self.first_hash is not None or (self.count and not self.segments)
        hashes = (self.previous_hash, self.last_hash, *((self.first_hash,) if has_first else ()))
        if not all(isinstance(number, int) for number in numbers):
            return False
        if not all(isinstance(each, str) and _DIGEST.fullmatch(each) for each in hashes):
            return False
        told = [told_boundary(each) for each in self.segments]
        if any(each is None or each.chain != self.chain for each in told):
            return False
        if any(not self._holds(each) for each in self.stretches):
            return False
        return self.count == self.last_position - self.first_position + 1 and self.count >= 0

    def _holds(self, boundary: Boundary) -> bool:
        """Whether a break lies within the range as a whole."""
        return self.first_position <= boundary.break_position and boundary.head_position <= self.last_position


def archive_name(chain: str, month: str) -> str:
    """The name of an archive's blobs, without their endings."""
    return f"{archive_folder(chain)}{chain}-{month}"


def archive_folder(chain: str) -> str:
    """Where the archives of a chain lie, in the order of their months."""
    return f"audit/archives/{chain}/"


def end_of(month: str) -> datetime:
    """The first instant after a month `YYYY-MM`, in UTC. Raises ValueError."""
    if not _MONTH.fullmatch(month) or month == "9999-12":
        raise ValueError(f"{month!r} is no month")
    year, number = int(month[:4]), int(month[5:])
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)


def month_after(month: str) -> str:
    """The month that follows."""
    return end_of(month).strftime("%Y-%m")
