"""Archives of access records in the blob store: read whole, verified, and asked for the lines of a seal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from shared.adapters.blob import BlobStore
from shared.adapters.signing import PublicKey
from shared.audit.access.manifest import FOLDER, RecordsManifest
from shared.audit.access.seals import Seal
from shared.audit.access.verify_records import ExaminedRecords, verify_records
from shared.audit.links import Finding, Flaw
from shared.audit.manifest import (
    ENTRIES,
    MANIFEST,
    MANIFEST_BYTES_MAX,
    SIGNATURE,
    archive_folder,
    archive_name,
)
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
    found: list[ArchivedMonth] = []
    for name in _manifests(blobs):
        month = _month_of(name)
        examined, finding = _examine(blobs, month, keys)
        if finding or examined is None or examined.manifest is None:
            return found, finding
        previous = found[-1].examined.manifest if found else None
        if examined.manifest.previous_archive != (previous.digest if previous else None):
            return found, Finding(Flaw.PREDECESSOR_DIFFERS, examined.manifest.first_position, name)
        found.append(_archived(month, examined))
    return found, None


def lines_among(blobs: BlobStore, months: Sequence[ArchivedMonth], seal: Seal) -> list[bytes] | None:
    """The archived lines of a seal; a position may stand in two archives, when a break reached back into the first."""
    found = (month.lines_of(blobs, seal) for month in months if seal.position in month.examined.kept)
    return next((lines for lines in found if lines is not None), None)


class RecordArchives:
    """The archives of access records, each read and verified when a seal in it is first asked for, and not before.

    `finding` is the first thing wrong in what was read.
    """

    def __init__(self, blobs: BlobStore, keys: Sequence[PublicKey]) -> None:
        self._blobs = blobs
        self._keys = keys
        self._ranges: list[tuple[str, range]] | None = None
        self._months: dict[str, ArchivedMonth | None] = {}
        self.finding: Finding | None = None

    def lines_of(self, seal: Seal) -> list[bytes] | None:
        """The archived lines of a seal, None when no archive that holds has them."""
        if self._ranges is None:
            self._ranges = list(self._read_ranges())
        names = [month for month, positions in self._ranges if seal.position in positions]
        months = [found for month in names if (found := self._month(month)) is not None]
        return lines_among(self._blobs, months, seal)

    def _read_ranges(self) -> Iterator[tuple[str, range]]:
        """Which positions each month says it has; whether that is true is seen when it is read."""
        for name in _manifests(self._blobs):
            with self._blobs.open(name) as file:
                manifest = RecordsManifest.decode(file.read(MANIFEST_BYTES_MAX))
            if manifest is None:
                self.finding = self.finding or Finding(Flaw.MANIFEST_INVALID, None, name)
            else:
                yield _month_of(name), range(manifest.first_position, manifest.last_position + 1)

    def _month(self, month: str) -> ArchivedMonth | None:
        if month not in self._months:
            examined, finding = _examine(self._blobs, month, self._keys)
            self.finding = self.finding or finding
            self._months[month] = _archived(month, examined) if finding is None else None
        return self._months[month]


def _manifests(blobs: BlobStore) -> list[str]:
    return [name for name in blobs.names(archive_folder(FOLDER)) if name.endswith(MANIFEST)]


def _month_of(name: str) -> str:
    return name.removesuffix(MANIFEST)[-len("2026-11") :]


def _archived(month: str, examined: ExaminedRecords | None) -> ArchivedMonth:
    assert examined is not None, "what holds was examined"
    assert examined.manifest is not None, "what holds has a manifest"
    return ArchivedMonth(month, examined.manifest.last_position, examined)


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
