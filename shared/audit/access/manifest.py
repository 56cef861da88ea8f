"""The manifest of a month's access records: which seals they belong to, and what their file holds; signed.

The records of an archive are those of the seals in the archive of the chain `access` of the same month, seal by seal,
and in each in the order of their ids. So the entries archived beside prove every line.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Self

FORMAT = "counterfoil-access-archive/1"
FOLDER = "access_records"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class RecordsManifest:
    """`first_position` to `last_position` are the chain's entries, `chain_archive` is the digest of their manifest."""

    format: str
    month: str
    first_position: int
    last_position: int
    chain_archive: str
    seals: int
    records: int
    records_bytes: int
    records_sha256: str
    previous_archive: str | None
    key_id: str
    algorithm: str

    def encode(self) -> bytes:
        """The bytes that are signed."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True).encode() + b"\n"

    @property
    def digest(self) -> str:
        """By which the next archive names this one."""
        return hashlib.sha256(self.encode()).hexdigest()

    @classmethod
    def decode(cls, told: bytes) -> Self | None:
        """The manifest of these bytes, None when they are not exactly what one is written as."""
        try:
            document = json.loads(told)
            manifest = cls(**document)
            is_whole = set(document) == {each.name for each in fields(cls)} and manifest.encode() == told
        except (RecursionError, TypeError, UnicodeError, ValueError):
            return None
        return manifest if is_whole and manifest.is_sound() else None

    def is_sound(self) -> bool:
        """Whether numbers are numbers and hashes are hashes."""
        numbers = (self.first_position, self.last_position, self.seals, self.records, self.records_bytes)
        hashes = (self.chain_archive, self.records_sha256)
        return (
            self.format == FORMAT
            and all(type(each) is int and each >= 0 for each in numbers)
            and all(isinstance(each, str) and _DIGEST.fullmatch(each) is not None for each in hashes)
        )
