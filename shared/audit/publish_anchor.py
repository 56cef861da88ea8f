"""Publish where a chain stands, outside of the database: whoever rewrites rows and hashes cannot rewrite that.

What was published last is compared with what stands there now, so that a chain made anew is told within the hour.
"""

from collections.abc import Sequence

from shared.adapters.blob import BlobStore
from shared.adapters.signing import SigningKey
from shared.audit import store
from shared.audit.anchors import (
    ANCHOR_BYTES_MAX,
    Anchor,
    anchor_folder,
    anchor_name,
    position_of,
    signed_anchor,
    told_hash,
)
from shared.audit.errors import ChainBroken
from shared.audit.links import Flaw
from shared.audit.model import Chain
from shared.audit.segments.store import list_segments
from shared.runtime import Runtime


def publish_anchor(runtime: Runtime, blobs: BlobStore, key: SigningKey, chain: Chain) -> Anchor | None:
    """The anchor of the present head, None for an empty chain; a head that was published stays as it was.

    Raises ChainBroken when the chain is not what was published of it last; the present head is published all the same.
    """
    with runtime.database.statement() as connection:
        head = store.fetch_head(connection, chain)
    standing = blobs.names(anchor_folder(chain))
    anchor = Anchor(chain.value, head.position, head.hash) if head else None
    if anchor and anchor_name(anchor.chain, anchor.position) not in standing:
        blobs.put_once(anchor_name(anchor.chain, anchor.position), [signed_anchor(anchor, key)])
    _compare_last(runtime, blobs, chain, standing)
    return anchor


def _compare_last(runtime: Runtime, blobs: BlobStore, chain: Chain, standing: Sequence[str]) -> None:
    """The last anchor must still stand in the chain; of what two persons closed it is known that it does not."""
    with runtime.database.statement() as connection:
        closed = [segment.boundary for _, _, segment in list_segments(connection, chain) if segment]
    for name in reversed(standing):
        position = position_of(name)
        if position is None or any(b.break_position <= position <= b.anchors_until for b in closed):
            continue
        with blobs.open(name) as file:
            told = told_hash(file.read(ANCHOR_BYTES_MAX))
        with runtime.database.statement() as connection:
            known = store.fetch_hash(connection, chain, position)
        if told is not None and told != known:
            flaw = Flaw.ANCHOR_DIFFERS if known else Flaw.TRUNCATED
            raise ChainBroken(f"{chain}: {flaw} at {name}", position, flaw)
        return
