"""What was published of a chain and lies outside of the database: its anchors, and where its archives end."""

from collections.abc import Sequence

from shared.adapters.blob import BlobStore
from shared.adapters.signing import PublicKey, is_signed
from shared.audit.anchors import Anchor, read_anchors
from shared.audit.errors import ArchiveRefused
from shared.audit.links import Finding, Flaw
from shared.audit.manifest import (
    MANIFEST,
    MANIFEST_BYTES_MAX,
    SIGNATURE,
    Manifest,
    archive_folder,
    archive_name,
)
from shared.audit.model import POSITION_MAX


def read_heads(
    blobs: BlobStore, chain: str, keys: Sequence[PublicKey], first: int = 1, last: int = POSITION_MAX
) -> tuple[list[Anchor], list[Finding]]:
    """Every published head from one position to another, and a finding for each that no key of ours signed.

    Where an archive and an anchor speak of the same position the archive comes first.
    """
    anchors, findings = read_anchors(blobs, chain, keys, first, last)
    for name in blobs.names(archive_folder(chain)):
        if not name.endswith(MANIFEST):
            continue
        try:
            manifest = read_manifest(blobs, name.removesuffix(MANIFEST), keys)
        except ArchiveRefused:
            findings.append(Finding(Flaw.SIGNATURE_INVALID, None, name))
            continue
        if max(first, 1) <= manifest.last_position <= last:
            head = Anchor(chain, manifest.last_position, bytes.fromhex(manifest.last_hash))
            if head not in anchors:
                anchors.append(head)
    return sorted(anchors, key=lambda each: each.position), findings


def read_manifest(blobs: BlobStore, name: str, keys: Sequence[PublicKey]) -> Manifest:
    """The manifest of an archive that stands. Raises ArchiveRefused when none of the keys signed it."""
    with blobs.open(name + MANIFEST) as file, blobs.open(name + SIGNATURE) as signature:
        told = file.read(MANIFEST_BYTES_MAX)
        manifest = Manifest.decode(told) if is_signed(told, signature.read(), keys) else None
    if manifest is None or archive_name(manifest.chain, manifest.month) != name:
        raise ArchiveRefused(f"the archive {name} is not signed by a key that is known here")
    return manifest
