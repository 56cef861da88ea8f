"""The entries of a closed break as lines of an archive, and the check that passes over them.

A line is `{"closed":POSITION,"appended_at":"…","version":"01","previous_hash":"…","hash":"…","canonical":"HEX"}` and a
line feed: nothing in it is believed to be an entry, so its bytes are told as numbers. The boundary's digest says that
they are what stood there when two persons closed the break.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from shared.audit.links import ChainCheck, Finding, Flaw
from shared.audit.model import CANONICAL_BYTES_MAX, Entry, instant_text
from shared.audit.segments.model import Boundary, stretch_part

OPENING = b'{"closed":'
CLOSED_LINE_BYTES_MAX = 2 * CANONICAL_BYTES_MAX + 512


@dataclass(frozen=True)
class ClosedLine:
    """One line as it is read."""

    position: int
    appended_at: str
    version: int
    previous_hash: bytes
    hash: bytes
    canonical: bytes

    def encode(self) -> bytes:
        """The line."""
        said = {
            "closed": self.position,
            "appended_at": self.appended_at,
            "version": f"{self.version:02x}",
            "previous_hash": self.previous_hash.hex(),
            "hash": self.hash.hex(),
            "canonical": self.canonical.hex(),
        }
        return json.dumps(said, separators=(",", ":")).encode() + b"\n"

    @property
    def part(self) -> bytes:
        """What it adds to the digest of the break."""
        return stretch_part(self.previous_hash, self.hash, self.canonical)


def closed_line(entry: Entry) -> ClosedLine:
    """The line of an entry that was closed, whatever it says."""
    moment = instant_text(entry.appended_at)
    proof = (entry.hash_version, bytes(entry.previous_hash), bytes(entry.hash), bytes(entry.canonical))
    return ClosedLine(entry.position, moment, *proof)


def read_closed(line: bytes) -> ClosedLine | None:
    """The line of these bytes, None when they are not exactly what one is written as."""
    try:
        said = json.loads(line)
        found = ClosedLine(
            said["closed"],
            said["appended_at"],
            int(said["version"], 16),
            *(bytes.fromhex(said[name]) for name in ("previous_hash", "hash", "canonical")),
        )
        return found if type(found.position) is int and found.encode() == line else None
    except (LookupError, RecursionError, TypeError, ValueError):
        return None


class ClosedCheck:
    """Takes the lines of closed breaks between those of a chain, and moves the chain's check behind each break."""

    def __init__(self, boundaries: Iterable[Boundary]) -> None:
        self._ahead = {each.break_position: each for each in boundaries}
        self._open: Boundary | None = None
        self._last: ClosedLine | None = None
        self._digest = hashlib.sha256()

    def take_all(self, check: ChainCheck, lines: Iterable[bytes]) -> Finding | None:
        """The first finding of many lines; None when all hold."""
        return next((found for line in lines if (found := self._take(check, line))), None)

    def end(self) -> Finding | None:
        """A finding when a break is not whole: the chain goes on, or the file is over."""
        return Finding(Flaw.SEGMENT_DIFFERS, self._open.break_position) if self._open else None

    def _take(self, check: ChainCheck, line: bytes) -> Finding | None:
        boundary = self._open or self._ahead.pop(check.position + 1, None)
        if boundary is None:
            return Finding(Flaw.SEGMENT_INVALID, check.position + 1)
        if self._open is None:
            self._open, self._last, self._digest = boundary, None, hashlib.sha256()
        closed = read_closed(line)
        before = self._last.position if self._last else boundary.break_position - 1
        if closed is None or not before < closed.position <= boundary.head_position:
            return Finding(Flaw.SEGMENT_DIFFERS, boundary.break_position)
        self._digest.update(closed.part)
        self._last = closed
        return self._close(check, boundary, closed) if closed.position == boundary.head_position else None

    def _close(self, check: ChainCheck, boundary: Boundary, last: ClosedLine) -> Finding | None:
        found = (check.hash.hex(), last.hash.hex(), self._digest.hexdigest())
        if found != (boundary.good_hash, boundary.head_hash, boundary.digest):
            return Finding(Flaw.SEGMENT_DIFFERS, boundary.break_position)
        self._open = None
        check.position, check.hash, check.appended_at = last.position, last.hash, last.appended_at.encode()
        return None
