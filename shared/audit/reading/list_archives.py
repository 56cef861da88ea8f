"""The archives that stand, and the keys that check them."""

import hashlib

from shared.adapters.blob import BlobStore
from shared.audit.access.manifest import FOLDER, RecordsManifest
from shared.audit.errors import ArchiveRefused
from shared.audit.keys import public_keys
from shared.audit.manifest import MANIFEST, MANIFEST_BYTES_MAX, Manifest, archive_folder
from shared.audit.model import Chain
from shared.audit.reading.answer import ArchiveAnswer, ArchivesAnswer
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def list_archives(runtime: Runtime, context: Context) -> ArchivesAnswer:
    """Every archive by kind and month. Raises ArchiveRefused for a manifest that cannot be read."""
    found = [
        _described(runtime.blobs, kind, name)
        for kind in (*Chain, FOLDER)
        for name in runtime.blobs.names(archive_folder(kind))
        if name.endswith(MANIFEST)
    ]
    keys = [key.pem().decode() for key in public_keys(runtime.secrets)]
    with recorded_read(runtime, context) as reading:
        reading.count = len(found)
    return ArchivesAnswer(items=found, public_keys=keys)


def _described(blobs: BlobStore, kind: str, name: str) -> ArchiveAnswer:
    with blobs.open(name) as file:
        told = file.read(MANIFEST_BYTES_MAX)
    manifest = RecordsManifest.decode(told) if kind == FOLDER else Manifest.decode(told)
    if manifest is None:
        raise ArchiveRefused(f"{name} is no manifest")
    return ArchiveAnswer(
        kind=str(kind),
        month=manifest.month,
        name=name.removesuffix(MANIFEST),
        first_position=manifest.first_position,
        last_position=manifest.last_position,
        count=manifest.records if isinstance(manifest, RecordsManifest) else manifest.count,
        bytes=manifest.records_bytes if isinstance(manifest, RecordsManifest) else manifest.entries_bytes,
        sha256=manifest.records_sha256 if isinstance(manifest, RecordsManifest) else manifest.entries_sha256,
        key_id=manifest.key_id,
        manifest_sha256=hashlib.sha256(told).hexdigest(),
    )
