"""Write a chain's month as an archive: entries, manifest and signature, once and for ever.

An archive begins where the one before ended and takes every entry appended before its month was over. An entry that
came later than its time, because a clock was set back, goes to the month that is still open.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime

from shared.adapters.blob import BlobStore
from shared.adapters.signing import PublicKey, SigningKey, is_signed
from shared.audit import store
from shared.audit.errors import ArchiveRefused, ChainBroken
from shared.audit.links import ChainCheck, Flaw, line_of
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
from shared.audit.pages import entry_pages
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
    previous = _previous(blobs, chain, month, (key.public, *earlier_keys))
    check = _check_after(chain, previous)
    _refuse_a_lost_past(runtime, chain, check)
    start = (check.position, check.hash)
    # With the lock once held, whoever appended before has committed, and whoever comes now reads a later time.
    with runtime.database.transaction() as connection:
        store.lock_head(connection, chain)
        last = max(check.position, store.fetch_last_before(connection, chain, end))
    name = archive_name(chain, month)
    written = _Counted(_entries(runtime, check, chain, last))
    blobs.put_once(name + ENTRIES, written)
    manifest = _manifest(chain, month, start, check, written, previous, key)
    encoded = manifest.encode()
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


def read_manifest(blobs: BlobStore, name: str, keys: Sequence[PublicKey]) -> Manifest:
    """The manifest of an archive that stands. Raises ArchiveRefused when none of the keys signed it."""
    with blobs.open(name + MANIFEST) as file, blobs.open(name + SIGNATURE) as signature:
        told = file.read(MANIFEST_BYTES_MAX)
        manifest = Manifest.decode(told) if is_signed(told, signature.read(), keys) else None
    if manifest is None or archive_name(manifest.chain, manifest.month) != name:
        raise ArchiveRefused(f"the archive {name} is not signed by a key that is known here")
    return manifest


def _check_after(chain: Chain, previous: Manifest | None) -> ChainCheck:
    if previous is None:
        return ChainCheck(chain.value)
    check = ChainCheck(chain.value, previous.last_position, bytes.fromhex(previous.last_hash))
    if previous.last_appended_at is not None:
        check.appended_at = previous.last_appended_at.encode()
    return check


def _refuse_a_lost_past(runtime: Runtime, chain: Chain, check: ChainCheck) -> None:
    """What was archived last must still stand: an archive that goes on from it vouches for it."""
    if check.position == 0:
        return
    with runtime.database.statement() as connection:
        found = store.list_entries(connection, chain, after=check.position - 1, last=check.position, limit=1)
    if not found or found[0].hash != check.hash:
        flaw = Flaw.MANIFEST_DIFFERS if found else Flaw.TRUNCATED
        raise ChainBroken(f"{chain}: {flaw}", check.position, flaw)


def _entries(runtime: Runtime, check: ChainCheck, chain: Chain, last: int) -> Iterator[bytes]:
    """The lines up to `last`, page by page; what does not hold is never signed."""
    for page in entry_pages(runtime.database, chain, check.position, last):
        if finding := check.take_entries(page):
            raise ChainBroken(f"{chain}: {finding.flaw}", finding.position, finding.flaw)
        yield b"".join(map(line_of, page))
    if check.position < last:
        raise ChainBroken(f"{chain}: entries are missing", check.position + 1, Flaw.MISSING)


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
    )
