"""Verify an archive by its three files and a public key alone: no database, no network, nothing of ours running."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

from shared.adapters.signing import PublicKey, is_signed
from shared.audit.anchors import Anchor, expected_hashes
from shared.audit.links import ChainCheck, Finding, Flaw
from shared.audit.manifest import ENTRIES, MANIFEST, MANIFEST_BYTES_MAX, SIGNATURE, Manifest
from shared.audit.model import GENESIS
from shared.audit.segments.closed_lines import CLOSED_LINE_BYTES_MAX, OPENING, ClosedCheck
from shared.audit.segments.model import held_against

_BLOCK_BYTES = 1 << 20
_SIGNATURE_BYTES = 64


@dataclass(frozen=True)
class Examined:
    """What an archive's file holds: its manifest once the signature was found good, and the first thing wrong."""

    manifest: Manifest | None
    finding: Finding | None


def verify_archive(
    file: Path,
    keys: Sequence[PublicKey],
    previous: Manifest | None = None,
    anchors: Sequence[Anchor] = (),
) -> Examined:
    """Examine the archive of this file of entries; `previous` is the one it must follow, anchors are signed heads."""
    manifest, finding = _read_manifest(file, keys)
    if manifest is None or finding:
        return Examined(None, finding)
    finding = _follow(manifest, previous) if previous else _begin(manifest)
    return Examined(manifest, finding or _read_entries(file, manifest, previous, anchors))


def _read_manifest(file: Path, keys: Sequence[PublicKey]) -> tuple[Manifest | None, Finding | None]:
    stem = file.name.removesuffix(ENTRIES)
    paths = {"entries": file} | {end: file.with_name(stem + end) for end in (MANIFEST, SIGNATURE)}
    for path in paths.values():
        if not path.is_file():
            return None, Finding(Flaw.FILE_MISSING, None, path.name)
    with paths[MANIFEST].open("rb") as told, paths[SIGNATURE].open("rb") as kept:
        encoded, signature = told.read(MANIFEST_BYTES_MAX + 1), kept.read(_SIGNATURE_BYTES + 1)
    if not is_signed(encoded, signature, keys):
        return None, Finding(Flaw.SIGNATURE_INVALID, None, paths[MANIFEST].name)
    manifest = Manifest.decode(encoded)
    if manifest is None:
        return None, Finding(Flaw.MANIFEST_INVALID, None, paths[MANIFEST].name)
    return manifest, None


def _follow(manifest: Manifest, previous: Manifest) -> Finding | None:
    """An archive goes on where the one before ended, or goes back to a break that was closed since."""
    stated = (manifest.chain, manifest.previous_archive, manifest.first_position, manifest.previous_hash)
    wanted = {(previous.last_position + 1, previous.last_hash)} | {
        (each.break_position, each.good_hash)
        for each in manifest.stretches[:1]
        if each.break_position <= previous.last_position
    }
    # What was closed is told for ever.
    is_told = manifest.segments[: len(previous.segments)] == previous.segments
    if is_told and any(stated == (previous.chain, previous.digest, *place) for place in wanted):
        return None
    return Finding(Flaw.PREDECESSOR_DIFFERS, min(manifest.first_position, previous.last_position + 1))


def _begin(manifest: Manifest) -> Finding | None:
    """A chain's first archive begins at nothing; what a later one says of its predecessor is signed."""
    if manifest.previous_archive is not None:
        return None
    is_genesis = manifest.first_position == 1 and manifest.previous_hash == GENESIS.hex()
    return None if is_genesis else Finding(Flaw.PREDECESSOR_DIFFERS, manifest.first_position)


def _read_entries(
    file: Path, manifest: Manifest, previous: Manifest | None, anchors: Sequence[Anchor]
) -> Finding | None:
    check = ChainCheck(manifest.chain, manifest.first_position - 1, bytes.fromhex(manifest.previous_hash))
    check.expected = _expected(manifest, anchors)
    if last_time := _time_before(manifest, previous):
        check.appended_at = last_time.encode()
    passing = ClosedCheck(manifest.stretches)
    with file.open("rb") as entries:
        blocks = _Blocks(entries)
        for lines in blocks.lines():
            if finding := _take(check, passing, lines, manifest):
                return finding
    if finding := passing.end():
        return finding
    if check.position < manifest.last_position:
        return Finding(Flaw.TRUNCATED, check.position + 1)
    return _compare(check, blocks, manifest)


def _time_before(manifest: Manifest, previous: Manifest | None) -> str | None:
    """The time that no entry may lie before; nothing is known of the one before a break that reaches back."""
    if previous is None:
        # An empty month repeats the last time before it, which alone it can only be believed.
        return None if manifest.count else manifest.last_appended_at
    return previous.last_appended_at if manifest.first_position > previous.last_position else None


def _expected(manifest: Manifest, anchors: Sequence[Anchor]) -> dict[int, bytes]:
    """What must stand where: as anchors say, save in what was closed, and before each break as its boundary says."""
    told = held_against(expected_hashes(anchors, manifest.chain), manifest.boundaries)
    before = {each.break_position - 1: bytes.fromhex(each.good_hash) for each in manifest.stretches}
    return told | before


def _take(
    check: ChainCheck, passing: ClosedCheck, lines: Sequence[bytes], manifest: Manifest
) -> Finding | None:
    if not manifest.stretches:
        return _take_entries(check, lines, manifest.last_position)
    for is_closed, run in groupby(lines, lambda line: line.startswith(OPENING)):
        if is_closed:
            finding = passing.take_all(check, run)
        else:
            finding = passing.end() or _take_entries(check, list(run), manifest.last_position)
        if finding:
            return finding
    return None


def _take_entries(check: ChainCheck, lines: Sequence[bytes], last: int) -> Finding | None:
    room = last - check.position
    if finding := check.take_all(lines[:room]):
        return finding
    if len(lines) > room:
        return Finding(Flaw.SURPLUS, last + 1)
    return None


def _compare(check: ChainCheck, blocks: "_Blocks", manifest: Manifest) -> Finding | None:
    """Every entry holds by itself; now they must be those that were signed."""
    if check.hash.hex() != manifest.last_hash:
        # Linked anew from somewhere on: the first and the last hash are all a manifest tells of them.
        first = check.first_hash.hex() if check.first_hash else None
        is_first = first != manifest.first_hash
        return Finding(Flaw.MANIFEST_DIFFERS, manifest.first_position if is_first else manifest.last_position)
    told = (manifest.entries_bytes, manifest.entries_sha256, manifest.last_appended_at)
    if (blocks.bytes, blocks.sha256, check.appended_text) != told:
        return Finding(Flaw.MANIFEST_DIFFERS, None, "entries")
    return None


class _Blocks:
    """A file's lines block by block, counted and digested on the way; memory stays small whatever the file is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.bytes = 0

    def lines(self) -> Iterator[list[bytes]]:
        """Whole lines with their line feeds; a last one without, or one without end, comes as it is."""
        rest = b""
        while block := self._file.read(_BLOCK_BYTES):
            self.bytes += len(block)
            self._digest.update(block)
            *whole, rest = (rest + block).split(b"\n")
            yield [line + b"\n" for line in whole]
            if len(rest) > CLOSED_LINE_BYTES_MAX:
                break
        if rest:
            yield [rest]

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
