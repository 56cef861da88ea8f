"""Write a chain's month as an archive: entries, manifest and signature, once and for ever.

An archive begins where the one before ended and takes every entry appended before its month was over. An entry that
came later than its time, because a clock was set back, goes to the month that is still open. A break that two persons
closed is passed over and shown: its entries stand as they were closed, whole, in the first archive behind it.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from shared.adapters.blob import BlobStore
from shared.adapters.signing import PublicKey, SigningKey, is_signed
from shared.audit import store
from shared.audit.archive_lines import archive_lines
from shared.audit.errors import ArchiveRefused, ChainBroken
from shared.audit.heads import read_manifest
from shared.audit.links import ChainCheck, Flaw
from shared.audit.manifest import (
    ENTRIES,
    FORMAT,
    MANIFEST,
    MANIFEST_BYTES_MAX,
    SIGNATURE,
    Manifest,
    archive_folder,
    archive_name,
    end_of,
    month_after,
)
from shared.audit.model import Chain
from shared.audit.segments.model import Segment
from shared.audit.segments.store import list_segments
from shared.runtime import Runtime


def archive_month(
    runtime: Runtime,
    blobs: BlobStore,
    key: SigningKey,
    chain: Chain,
    month: str,
    earlier_keys: Sequence[PublicKey] = (),
) -> Manifest:
    """The manifest of the archive that was written. Raises ArchiveRefused, ChainBroken and BlobConflict.

    A run that broke off is repeated with the same key: what it wrote is written again with the same bytes.
    """
    end = _end_of_past_month(month, runtime.clock.now())
    keys = (key.public, *earlier_keys)
    previous = _previous(blobs, chain, month, keys)
    closed = _newly_closed(runtime, chain, previous, keys)
    check = _check_after(chain, previous, closed)
    _refuse_a_lost_past(runtime, chain, check)
    start = (check.position, check.hash)
    # With the lock once held, whoever appended before has committed, and whoever comes now reads a later time.
    with runtime.database.transaction() as connection:
        store.lock_head(connection, chain)
        last = max(check.position, store.fetch_last_before(connection, chain, end))
    last, closed = _whole_breaks(last, closed, previous)
    name = archive_name(chain, month)
    written = _Counted(archive_lines(runtime.database, check, chain, last, [s.boundary for s in closed]))
    blobs.put_once(name + ENTRIES, written)
    segments = (*(previous.segments if previous else ()), *(each.told(month) for each in closed))
    manifest = _manifest(chain, month, start, check, written, previous, key, segments)
    encoded = manifest.encode()
    if len(encoded) > MANIFEST_BYTES_MAX:
        raise ArchiveRefused(f"the manifest of {name} has {len(encoded)} bytes")
    blobs.put_once(name + SIGNATURE, [key.sign(encoded)])
    blobs.put_once(name + MANIFEST, [encoded])
    return manifest


def _end_of_past_month(month: str, now: datetime) -> datetime:
    try:
        end = end_of(month)
    except ValueError as error:
        raise ArchiveRefused(str(error)) from error
    if now < end:
        raise ArchiveRefused(f"{month} is not over")
    return end


def _previous(blobs: BlobStore, chain: Chain, month: str, keys: Sequence[PublicKey]) -> Manifest | None:
    """The archive before; None when this one is the chain's first."""
    standing = [name for name in blobs.names(archive_folder(chain)) if name.endswith(MANIFEST)]
    if not standing:
        return None
    manifest = read_manifest(blobs, standing[-1].removesuffix(MANIFEST), keys)
    if month_after(manifest.month) != month:
        raise ArchiveRefused(f"after {manifest.month} comes {month_after(manifest.month)}")
    return manifest


def _newly_closed(
    runtime: Runtime, chain: Chain, previous: Manifest | None, keys: Sequence[PublicKey]
) -> list[Segment]:
    """The breaks that were closed and stand in no archive yet; one that none of the keys signed closes nothing."""
    told = {each["document"].encode() for each in previous.segments} if previous else set()
    with runtime.database.statement() as connection:
        stored = list_segments(connection, chain)
    return [
        segment
        for document, signature, segment in stored
        if segment and document not in told and is_signed(document, signature, keys)
    ]


def _check_after(chain: Chain, previous: Manifest | None, closed: Sequence[Segment]) -> ChainCheck:
    """Where the archive begins: behind the one before, or at a break that reaches back into what was archived."""
    if previous is None:
        return ChainCheck(chain.value)
    back = _reaching_back(closed, previous)
    if back:
        first = min((each.boundary for each in back), key=lambda boundary: boundary.break_position)
        return ChainCheck(chain.value, first.break_position - 1, bytes.fromhex(first.good_hash))
    check = ChainCheck(chain.value, previous.last_position, bytes.fromhex(previous.last_hash))
    if previous.last_appended_at is not None:
        check.appended_at = previous.last_appended_at.encode()
    return check


def _reaching_back(closed: Sequence[Segment], previous: Manifest | None) -> list[Segment]:
    last = previous.last_position if previous else 0
    return [each for each in closed if each.boundary.break_position <= last]


def _whole_breaks(
    last: int, closed: Sequence[Segment], previous: Manifest | None
) -> tuple[int, list[Segment]]:
    """The last position and the breaks up to it: a break is never cut, whatever month its entries are of."""
    found = _reaching_back(closed, previous)
    last = max([last, *(each.boundary.head_position for each in found)])
    for each in closed:
        if each not in found and each.boundary.break_position <= last:
            found.append(each)
            last = max(last, each.boundary.head_position)
    return last, found


def _refuse_a_lost_past(runtime: Runtime, chain: Chain, check: ChainCheck) -> None:
    """What was archived last must still stand: an archive that goes on from it vouches for it."""
    if check.position == 0:
        return
    with runtime.database.statement() as connection:
        found = store.list_entries(connection, chain, after=check.position - 1, last=check.position, limit=1)
    if not found or found[0].hash != check.hash:
        flaw = Flaw.MANIFEST_DIFFERS if found else Flaw.TRUNCATED
        raise ChainBroken(f"{chain}: {flaw}", check.position, flaw)


class _Counted:
    """Passes parts on, and knows afterwards how many bytes they were and their digest."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._digest = hashlib.sha256()
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            self.bytes += len(part)
            self._digest.update(part)
            yield part

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


def _manifest(
    chain: Chain,
    month: str,
    start: tuple[int, bytes],
    check: ChainCheck,
    written: _Counted,
    previous: Manifest | None,
    key: SigningKey,
    segments: tuple[Mapping[str, str], ...],
) -> Manifest:
    position, previous_hash = start
    return Manifest(
        format=FORMAT,
        chain=chain.value,
        month=month,
        first_position=position + 1,
        last_position=check.position,
        count=check.position - position,
        previous_hash=previous_hash.hex(),
        first_hash=check.first_hash.hex() if check.first_hash else None,
        last_hash=check.hash.hex(),
        last_appended_at=check.appended_text,
        entries_bytes=written.bytes,
        entries_sha256=written.sha256,
        previous_archive=previous.digest if previous else None,
        key_id=key.key_id,
        algorithm=key.algorithm,
        segments=segments,
    )
