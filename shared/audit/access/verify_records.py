"""Verify a month's access records by its files and a public key alone, beside the archive of its seals."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from shared.adapters.signing import PublicKey, is_signed
from shared.audit.access.manifest import RecordsManifest
from shared.audit.access.seals import Seal, read_seal
from shared.audit.links import Finding, Flaw
from shared.audit.manifest import Manifest
from shared.audit.model import Action
from shared.audit.segments.closed_lines import OPENING

_LINE_BYTES_MAX = 64 * 1024


@dataclass(frozen=True)
class Kept:
    """Where a seal's lines stand in the file."""

    seal: Seal
    offset: int
    length: int


@dataclass(frozen=True)
class ExaminedRecords:
    """The manifest once its signature was found good, what each seal's lines are, and the first thing wrong."""

    manifest: RecordsManifest | None
    kept: dict[int, Kept]
    finding: Finding | None


def verify_records(
    records: BinaryIO,
    told: bytes,
    signature: bytes,
    entries: BinaryIO,
    chain: Manifest,
    keys: Sequence[PublicKey],
) -> ExaminedRecords:
    """Examine the records beside the entries of their month, which were verified with `chain` as their manifest."""
    if not is_signed(told, signature, keys):
        return ExaminedRecords(None, {}, Finding(Flaw.SIGNATURE_INVALID, None, "manifest"))
    manifest = RecordsManifest.decode(told)
    if manifest is None:
        return ExaminedRecords(None, {}, Finding(Flaw.MANIFEST_INVALID, None, "manifest"))
    stated = (manifest.chain_archive, manifest.month, manifest.first_position, manifest.last_position)
    if stated != (chain.digest, chain.month, chain.first_position, chain.last_position):
        return ExaminedRecords(manifest, {}, Finding(Flaw.PREDECESSOR_DIFFERS, None, "chain archive"))
    kept, finding = _compare(records, entries, manifest)
    return ExaminedRecords(manifest, kept, finding)


def _compare(
    records: BinaryIO, entries: BinaryIO, manifest: RecordsManifest
) -> tuple[dict[int, Kept], Finding | None]:
    whole, offset, count, kept = hashlib.sha256(), 0, 0, dict[int, Kept]()
    for seal in _seals(entries):
        if isinstance(seal, Finding):
            return kept, seal
        lines = [records.readline(_LINE_BYTES_MAX) for _ in range(seal.count)]
        body = b"".join(lines)
        whole.update(body)
        if hashlib.sha256(body).digest() != seal.digest or not _are_of(seal, lines):
            return kept, Finding(Flaw.RECORDS_DIFFER, seal.position)
        kept[seal.position] = Kept(seal, offset, len(body))
        offset, count = offset + len(body), count + seal.count
    if records.read(1):
        return kept, Finding(Flaw.SURPLUS, None, "records")
    found = (len(kept), count, offset, whole.hexdigest())
    if found != (manifest.seals, manifest.records, manifest.records_bytes, manifest.records_sha256):
        return kept, Finding(Flaw.MANIFEST_DIFFERS, None, "records")
    return kept, None


def _seals(entries: BinaryIO) -> Iterator[Seal | Finding]:
    """The seals of an archive's entries, in order; a finding for an entry that is one by name only."""
    for line in entries:
        # What was closed is no seal: nothing in it is proved.
        if line.startswith(OPENING):
            continue
        entry = json.loads(line)["entry"]
        if entry["action"] != Action.ACCESS_SEAL:
            continue
        after = json.dumps(entry["after"]) if entry["after"] is not None else None
        position = int(entry["position"])
        yield read_seal(position, entry["action"], after) or Finding(Flaw.MALFORMED_SEAL, position)


def _are_of(seal: Seal, lines: Sequence[bytes]) -> bool:
    """Whether the lines are records with the ids the seal names."""
    try:
        ids = [int(json.loads(line)["record_id"]) for line in lines]
    except (LookupError, TypeError, ValueError):
        return False
    return ids == [number for run in seal.ranges for number in run]
