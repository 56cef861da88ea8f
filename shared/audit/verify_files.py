"""Verify archives by the files somebody has: keys, anchors, and archives that must follow each other."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.adapters.signing import PublicKey, load_public_key
from shared.audit.anchors import ANCHOR_BYTES_MAX, Anchor, read_anchor
from shared.audit.errors import AnchorUnusable
from shared.audit.manifest import Manifest
from shared.audit.verify_archive import Examined, verify_archive

__all__ = ["Examined", "verify_files"]


def verify_files(
    files: Sequence[Path], keys: Sequence[Path], anchors: Sequence[Path] = ()
) -> Iterator[tuple[Path, Examined]]:
    """Each file with what was found. Raises KeyInvalid and AnchorUnusable before the first."""
    public = [load_public_key(path.read_bytes()) for path in keys]
    heads = [_anchor(path, public) for path in anchors]
    previous: Manifest | None = None
    for file in files:
        examined = verify_archive(file, public, previous, heads)
        previous = examined.manifest or previous
        yield file, examined


def _anchor(path: Path, keys: Sequence[PublicKey]) -> Anchor:
    with path.open("rb") as file:
        anchor = read_anchor(file.read(ANCHOR_BYTES_MAX + 1), keys)
    if anchor is None:
        raise AnchorUnusable(f"{path} is no anchor signed by a key that was given")
    return anchor
