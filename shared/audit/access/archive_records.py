"""Write a month's access records as an archive: those of the seals that are archived beside, once and for ever."""

import hashlib
from collections.abc import Iterator

from shared.adapters.blob import BlobStore
from shared.adapters.signing import SigningKey
from shared.audit.access import store as records
from shared.audit.access.manifest import FOLDER, FORMAT, RecordsManifest
from shared.audit.access.model import lines_digest, record_line
from shared.audit.access.seals import Seal, seal_of
from shared.audit.errors import ArchiveRefused, ChainBroken
from shared.audit.links import Flaw
from shared.audit.manifest import ENTRIES, MANIFEST, MANIFEST_BYTES_MAX, SIGNATURE, Manifest, archive_name
from shared.audit.model import Chain
from shared.audit.pages import entry_pages
from shared.database import Database


def archive_records(
    database: Database, blobs: BlobStore, key: SigningKey, chain: Manifest
) -> RecordsManifest:
    """The manifest that was written; `chain` is that of the entries of the month. Raises ChainBroken, BlobConflict.

    A run that broke off is repeated with the same key: what it wrote is written again with the same bytes.
    """
    name = archive_name(FOLDER, chain.month)
    previous = _previous(blobs, chain.month)
    written = _Written(database, chain)
    blobs.put_once(name + ENTRIES, written)
    manifest = RecordsManifest(
        format=FORMAT,
        month=chain.month,
        first_position=chain.first_position,
        last_position=chain.last_position,
        chain_archive=chain.digest,
        seals=written.seals,
        records=written.records,
        records_bytes=written.bytes,
        records_sha256=written.digest.hexdigest(),
        previous_archive=previous.digest if previous else None,
        key_id=key.key_id,
        algorithm=key.algorithm,
    )
    encoded = manifest.encode()
    blobs.put_once(name + SIGNATURE, [key.sign(encoded)])
    blobs.put_once(name + MANIFEST, [encoded])
    return manifest


def _previous(blobs: BlobStore, month: str) -> RecordsManifest | None:
    """The manifest of the month before; whoever verifies an archive verifies those before it too."""
    end = archive_name(FOLDER, month) + MANIFEST
    names = [
        name for name in blobs.names(f"audit/archives/{FOLDER}/") if name.endswith(MANIFEST) and name < end
    ]
    if not names:
        return None
    with blobs.open(names[-1]) as file:
        manifest = RecordsManifest.decode(file.read(MANIFEST_BYTES_MAX))
    if manifest is None:
        raise ArchiveRefused(f"{names[-1]} is no manifest of access records")
    return manifest


class _Written:
    """The lines of the month's seals, each compared with its seal on the way; what does not hold is never signed."""

    def __init__(self, database: Database, chain: Manifest) -> None:
        self._database = database
        self._chain = chain
        self.digest = hashlib.sha256()
        self.seals = self.records = self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        first, last = self._chain.first_position, self._chain.last_position
        # What was closed is no seal: nothing in it is proved.
        stretches = self._chain.stretches
        for page in entry_pages(self._database, Chain.ACCESS, first - 1, last):
            for entry in page:
                if any(each.spans(entry.position) for each in stretches):
                    continue
                if seal := seal_of(entry):
                    yield self._body(seal)

    def _body(self, seal: Seal) -> bytes:
        with self._database.statement() as connection:
            found = records.list_sealed(connection, seal.first_recorded_at, seal.last_recorded_at, seal.ids)
        lines = [record_line(each) for each in found]
        if len(lines) != seal.count or lines_digest(lines) != seal.digest:
            detail = f"access: the records of the seal at {seal.position} are not what was sealed"
            raise ChainBroken(detail, seal.position, Flaw.RECORDS_DIFFER)
        body = b"".join(lines)
        self.digest.update(body)
        self.seals, self.records, self.bytes = (
            self.seals + 1,
            self.records + seal.count,
            self.bytes + len(body),
        )
        return body
