"""Write the archives that are due: on the 1st those of the month before, and whatever an earlier 1st has missed."""

from collections.abc import Iterator, Sequence

from shared.adapters.blob import BlobStore
from shared.adapters.signing import PublicKey, SigningKey
from shared.audit import store
from shared.audit.access.archive_records import archive_records
from shared.audit.access.manifest import FOLDER
from shared.audit.archive_month import archive_month
from shared.audit.heads import read_manifest
from shared.audit.keys import public_keys, signing_key
from shared.audit.manifest import MANIFEST, Manifest, archive_folder, archive_name, end_of, month_after
from shared.audit.model import Chain
from shared.errors.base import CounterfoilError
from shared.runtime import Runtime


def archive_chains(runtime: Runtime) -> list[Manifest]:
    """The manifests that were written, month by month; access records follow the chain of their seals.

    Raises ChainBroken, ArchiveRefused and BlobConflict: what does not hold is not archived, and nothing
    behind it; the other chain is.
    """
    key, keys = signing_key(runtime.secrets), public_keys(runtime.secrets)
    written: list[Manifest] = []
    failures: list[CounterfoilError] = []
    for chain in Chain:
        try:
            written.extend(_archived(runtime, key, chain, keys))
        except CounterfoilError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return written


def _archived(
    runtime: Runtime, key: SigningKey, chain: Chain, keys: Sequence[PublicKey]
) -> Iterator[Manifest]:
    for month in _due(runtime, chain):
        yield archive_month(runtime, runtime.blobs, key, chain, month, keys)
    if chain is not Chain.ACCESS:
        return
    # A run may have broken off between the entries of a month and its records.
    for month in _months(runtime.blobs, Chain.ACCESS)[len(_months(runtime.blobs, FOLDER)) :]:
        manifest = read_manifest(runtime.blobs, archive_name(Chain.ACCESS, month), keys)
        archive_records(runtime.database, runtime.blobs, key, manifest)


def _due(runtime: Runtime, chain: Chain) -> Iterator[str]:
    """The months that are over and not archived, in order."""
    month = _next_month(runtime, chain)
    while month is not None and end_of(month) <= runtime.clock.now():
        yield month
        month = month_after(month)


def _next_month(runtime: Runtime, chain: Chain) -> str | None:
    """The month after the last archive, or that of the chain's first entry; None for an empty chain."""
    if standing := _months(runtime.blobs, chain):
        return month_after(standing[-1])
    with runtime.database.statement() as connection:
        first = store.list_entries(connection, chain, after=0, last=1, limit=1)
    return first[0].appended_at.strftime("%Y-%m") if first else None


def _months(blobs: BlobStore, kind: str) -> list[str]:
    """The months of which a manifest stands, in order."""
    names = blobs.names(archive_folder(kind))
    return [
        name.removesuffix(MANIFEST).removeprefix(archive_name(kind, ""))
        for name in names
        if name.endswith(MANIFEST)
    ]
