"""Archives of access records in the blob store: read whole, verified, and asked for the lines of a seal."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from shared.adapters.blob import BlobStore
from shared.adapters.signing import PublicKey
from shared.audit.access.manifest import FOLDER
from shared.audit.access.seals import Seal
from shared.audit.access.verify_records import ExaminedRecords, verify_records
from shared.audit.links import Finding, Flaw
from shared.audit.manifest import ENTRIES, MANIFEST, MANIFEST_BYTES_MAX, SIGNATURE, archive_name
from shared.audit.model import Chain
from shared.audit.verify_archive import verify_archive

_COPIED_BYTES = 1 << 20


@dataclass(frozen=True)
class ArchivedMonth:
    """A month whose entries and records were both found good."""

    month: str
    last_position: int
    examined: ExaminedRecords

    def lines_of(self, blobs: BlobStore, seal: Seal) -> list[bytes] | None:
        """The archived lines of a seal of this month."""
        kept = self.examined.kept.get(seal.position)
        if kept is None or kept.seal != seal:
            return None
        with blobs.open(archive_name(FOLDER, self.month) + ENTRIES) as file:
            file.seek(kept.offset)
            return file.read(kept.length).splitlines(keepends=True)


def read_months(blobs: BlobStore, keys: Sequence[PublicKey]) -> tuple[list[ArchivedMonth], Finding | None]:
    """Every archived month of access records in order, up to the first that does not hold."""
    names = [name for name in blobs.names(f"audit/archives/{FOLDER}/") if name.endswith(MANIFEST)]
    found: list[ArchivedMonth] = []
    for name in names:
        month = name.removesuffix(MANIFEST)[-len("2026-11") :]
        examined, finding = _examine(blobs, month, keys)
        if finding or examined is None or examined.manifest is None:
            return found, finding
        previous = found[-1].examined.manifest if found else None
        if examined.manifest.previous_archive != (previous.digest if previous else None):
            return found, Finding(Flaw.PREDECESSOR_DIFFERS, examined.manifest.first_position, name)
        found.append(ArchivedMonth(month, examined.manifest.last_position, examined))
    return found, None


def _examine(
    blobs: BlobStore, month: str, keys: Sequence[PublicKey]
) -> tuple[ExaminedRecords | None, Finding | None]:
    chain, records = archive_name(Chain.ACCESS, month), archive_name(FOLDER, month)
    with TemporaryDirectory() as folder:
        # The verifier of files reads files: what was published is taken out as it is.
        entries = Path(folder) / Path(chain + ENTRIES).name
        for end in (ENTRIES, MANIFEST, SIGNATURE):
            with blobs.open(chain + end) as blob, (Path(folder) / Path(chain + end).name).open("wb") as file:
                _copy(blob, file)
        examined = verify_archive(entries, keys)
        if examined.finding or examined.manifest is None:
            return None, examined.finding
        with (
            blobs.open(records + ENTRIES) as lines,
            blobs.open(records + MANIFEST) as told,
            blobs.open(records + SIGNATURE) as signature,
            entries.open("rb") as seals,
        ):
            found = verify_records(
                lines, told.read(MANIFEST_BYTES_MAX), signature.read(), seals, examined.manifest, keys
            )
    return found, found.finding


def _copy(source: BinaryIO, target: BinaryIO) -> None:
    while part := source.read(_COPIED_BYTES):
        target.write(part)
