"""A chain as lines of text, and the check that reads them in order: for a file and for the database alike.

A line is `{"version":"01","previous_hash":"…","hash":"…","entry":CANONICAL}` and a line feed. Every byte of it follows
from the line before and from the canonical bytes, so that one comparison finds any difference in it.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.audit.model import (
    CANONICAL_BYTES_MAX,
    GENESIS,
    HASH_VERSION,
    Entry,
    canonical_bytes,
    instant_text,
)

_ENTRY_AT = len('{"version":"01","previous_hash":"","hash":"","entry":') + 2 * 64
_TIME_LENGTH = 27
LINE_BYTES_MAX = CANONICAL_BYTES_MAX + 2 * _ENTRY_AT
_VERSION = bytes((HASH_VERSION,))
_NEVER = b"0000-00-00T00:00:00.000000Z"


class Flaw(StrEnum):
    """What can be wrong with a chain, an anchor, an archive, a closed break, or access records beside their seals."""

    MALFORMED = "MALFORMED"
    MISSING = "MISSING"
    REPEATED = "REPEATED"
    CHANGED = "CHANGED"
    RELINKED = "RELINKED"
    CLOCK_REGRESS = "CLOCK_REGRESS"
    OTHER_CHAIN = "OTHER_CHAIN"
    FIELDS_DIFFER = "FIELDS_DIFFER"
    TRUNCATED = "TRUNCATED"
    SURPLUS = "SURPLUS"
    ANCHOR_DIFFERS = "ANCHOR_DIFFERS"
    ANCHOR_INVALID = "ANCHOR_INVALID"
    MANIFEST_INVALID = "MANIFEST_INVALID"
    MANIFEST_DIFFERS = "MANIFEST_DIFFERS"
    SIGNATURE_INVALID = "SIGNATURE_INVALID"
    PREDECESSOR_DIFFERS = "PREDECESSOR_DIFFERS"
    FILE_MISSING = "FILE_MISSING"
    SEGMENT_DIFFERS = "SEGMENT_DIFFERS"
    SEGMENT_INVALID = "SEGMENT_INVALID"
    MALFORMED_SEAL = "MALFORMED_SEAL"
    OVERLAPPING_SEAL = "OVERLAPPING_SEAL"
    RECORDS_DIFFER = "RECORDS_DIFFER"
    UNSEALED = "UNSEALED"


@dataclass(frozen=True)
class Finding:
    """What is wrong, and the first position that does not hold; None where no entry is at fault, but a file beside."""

    flaw: Flaw
    position: int | None = None
    subject: str = ""


def line_of(entry: Entry) -> bytes:
    """The line of a stored entry, whatever its columns say."""
    opening = '{"version":"%02x","previous_hash":"%s","hash":"%s","entry":'
    proof = opening % (entry.hash_version, entry.previous_hash.hex(), entry.hash.hex())
    return proof.encode() + entry.canonical + b"}\n"


@dataclass
class ChainCheck:
    """Takes a chain's lines in order and stops at the first that does not hold.

    `position` and `hash` are those of the last good line, or of the entry before the first.
    """

    chain: str
    position: int = 0
    hash: bytes = GENESIS
    appended_at: bytes = _NEVER
    # Hashes that must stand at their positions, told from outside the chain.
    expected: dict[int, bytes] = field(default_factory=dict)
    first_hash: bytes | None = None

    @property
    def appended_text(self) -> str | None:
        """The time of the last entry; None before the first."""
        return None if self.appended_at == _NEVER else self.appended_at.decode()

    def not_before(self, moment: datetime) -> None:
        """The first line's time may not lie before this one."""
        self.appended_at = instant_text(moment).encode()

    def take_entries(self, entries: Sequence[Entry]) -> Finding | None:
        """The same for stored entries, whose columns must also say what their canonical bytes say."""
        good = next(
            (n for n, e in enumerate(entries) if canonical_bytes(vars(e)) != e.canonical), len(entries)
        )
        finding = self.take_all(map(line_of, entries[:good]))
        if finding is None and good < len(entries):
            finding = Finding(Flaw.FIELDS_DIFFER, self.position + 1)
        return finding

    def take_all(self, lines: Iterable[bytes]) -> Finding | None:
        """The first finding of many lines; None when all hold."""
        position, known, last, expected = self.position, self.hash, self.appended_at, self.expected
        sha256, chain = hashlib.sha256, self.chain
        previous_text = known.hex()
        finding: Finding | None = None
        for line in lines:
            position += 1
            canonical = line[_ENTRY_AT:-2]
            made = sha256(_VERSION + known + canonical)
            text = made.hexdigest()
            opening = (
                f'{{"version":"01","previous_hash":"{previous_text}","hash":"{text}",'
                f'"entry":{{"chain":"{chain}","position":{position},"appended_at":"'
            ).encode()
            length = len(opening)
            moment = line[length : length + _TIME_LENGTH]
            holds = line.startswith(opening) and line.endswith(b"}}\n") and moment >= last
            if not holds or (expected and expected.get(position, made.digest()) != made.digest()):
                position -= 1
                finding = self._diagnose(line, position + 1, known, last) if not holds else None
                finding = finding or Finding(Flaw.ANCHOR_DIFFERS, position + 1)
                break
            known, last, previous_text = made.digest(), moment, text
            if self.first_hash is None:
                self.first_hash = known
        self.position, self.hash, self.appended_at = position, known, last
        return finding

    def _diagnose(self, line: bytes, position: int, known: bytes, last: bytes) -> Finding:
        """Why a line does not hold; the position is always the one that should stand there."""
        try:
            whole = json.loads(line)
            entry, stated = whole["entry"], bytes.fromhex(whole["previous_hash"])
            place = (str(entry["chain"]), int(entry["position"]), str(entry["appended_at"]))
            opening = f'{{"version":"01","previous_hash":"{stated.hex()}","hash":"'
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError):
            return Finding(Flaw.MALFORMED, position)
        made = hashlib.sha256(_VERSION + stated + line[_ENTRY_AT:-2]).hexdigest()
        if not line.startswith(f'{opening}{made}","entry":'.encode()) or not line.endswith(b"}}\n"):
            return Finding(Flaw.CHANGED, position)
        if place[0] != self.chain:
            return Finding(Flaw.OTHER_CHAIN, position)
        if place[1] != position:
            return Finding(Flaw.MISSING if place[1] > position else Flaw.REPEATED, position)
        if stated != known:
            return Finding(Flaw.RELINKED, position)
        return Finding(Flaw.CLOCK_REGRESS if place[2].encode() < last else Flaw.MALFORMED, position)
