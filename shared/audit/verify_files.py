"""Verify archives by the files somebody has: keys, anchors, and archives that must follow each other."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from shared.adapters.signing import PublicKey, load_public_key
from shared.audit.access.verify_records import verify_records
from shared.audit.anchors import ANCHOR_BYTES_MAX, Anchor, read_anchor
from shared.audit.errors import AnchorUnusable
from shared.audit.links import Finding, Flaw
from shared.audit.manifest import ENTRIES, MANIFEST, MANIFEST_BYTES_MAX, SIGNATURE, Manifest
from shared.audit.verify_archive import Examined, verify_archive

__all__ = ["Examined", "verify_files"]


def verify_files(
    files: Sequence[Path],
    keys: Sequence[Path],
    anchors: Sequence[Path] = (),
    records: Sequence[Path] = (),
) -> Iterator[tuple[Path, Examined]]:
    """Each file with what was found, and behind it the access records of its month.

    Raises KeyInvalid and AnchorUnusable before the first.
    """
    public = [load_public_key(path.read_bytes()) for path in keys]
    heads = [_anchor(path, public) for path in anchors]
    previous: Manifest | None = None
    for file, of_its_month in zip_longest(files, records[: len(files)]):
        examined = verify_archive(file, public, previous, heads)
        previous = examined.manifest or previous
        yield file, examined
        if of_its_month is not None and examined.manifest is not None and examined.finding is None:
            finding = _records(of_its_month, file, examined.manifest, public)
            yield of_its_month, Examined(examined.manifest, finding)


def _records(records: Path, entries: Path, chain: Manifest, keys: Sequence[PublicKey]) -> Finding | None:
    stem = records.name.removesuffix(ENTRIES)
    beside = {end: records.with_name(stem + end) for end in (ENTRIES, MANIFEST, SIGNATURE)}
    for path in beside.values():
        if not path.is_file():
            return Finding(Flaw.FILE_MISSING, None, path.name)
    told, signature = beside[MANIFEST].read_bytes(), beside[SIGNATURE].read_bytes()
    with records.open("rb") as lines, entries.open("rb") as seals:
        return verify_records(lines, told[:MANIFEST_BYTES_MAX], signature, seals, chain, keys).finding


def _anchor(path: Path, keys: Sequence[PublicKey]) -> Anchor:
    with path.open("rb") as file:
        anchor = read_anchor(file.read(ANCHOR_BYTES_MAX + 1), keys)
    if anchor is None:
        raise AnchorUnusable(f"{path} is no anchor signed by a key that was given")
    return anchor
