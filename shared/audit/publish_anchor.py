"""Publish where a chain stands, outside of the database: whoever rewrites rows and hashes cannot rewrite that."""

from shared.adapters.blob import BlobStore
from shared.adapters.signing import SigningKey
from shared.audit import store
from shared.audit.anchors import Anchor, anchor_name, signed_anchor
from shared.audit.model import Chain
from shared.runtime import Runtime


def publish_anchor(runtime: Runtime, blobs: BlobStore, key: SigningKey, chain: Chain) -> Anchor | None:
    """The anchor of the present head, None for an empty chain; a head that was published stays as it was."""
    with runtime.database.statement() as connection:
        head = store.fetch_head(connection, chain)
    if head is None:
        return None
    anchor = Anchor(chain.value, head.position, head.hash)
    name = anchor_name(anchor.chain, anchor.position)
    if name not in blobs.names(name):
        blobs.put_once(name, [signed_anchor(anchor, key)])
    return anchor
