"""Propose how to close the first break of a chain: signed words about what stands there, for two persons to decide on.

Nothing is written. The proposal is the payload of an approval of the kind CHAIN_SEGMENT; carrying it out compares it
with the chain once more.
"""

from shared.audit import store
from shared.audit.anchors import Anchor
from shared.audit.errors import SegmentInvalid
from shared.audit.heads import read_heads
from shared.audit.keys import public_keys, signing_key
from shared.audit.links import Finding
from shared.audit.model import GENESIS, Chain, Head
from shared.audit.reading.answer import SegmentProposalAnswer
from shared.audit.segments.model import FORMAT, Boundary
from shared.audit.segments.store import list_segments, stretch_digest
from shared.audit.verify_chain import verify_chain
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def propose_segment(
    runtime: Runtime, context: Context, chain: Chain, first: int = 1
) -> SegmentProposalAnswer:
    """The boundary for the first break from a position on that is not closed. Raises SegmentInvalid without one."""
    keys, key = public_keys(runtime.secrets), signing_key(runtime.secrets)
    anchors, _ = read_heads(runtime.blobs, chain, keys, first)
    with runtime.database.statement() as connection:
        closed = [each.boundary for _, _, each in list_segments(connection, chain) if each]
    finding = verify_chain(runtime, chain, first, None, anchors, closed).finding
    if finding is None or finding.position is None:
        raise SegmentInvalid(f"{chain} has no break that is open")
    with recorded_read(runtime, context) as reading:
        connection = reading.connection
        head = store.fetch_head(connection, chain) or Head(0, GENESIS, reading.now)
        position = finding.position
        boundary = Boundary(
            format=FORMAT,
            chain=chain.value,
            break_position=position,
            flaw=finding.flaw.value,
            good_hash=(store.fetch_hash(connection, chain, position - 1) or GENESIS).hex(),
            head_position=head.position,
            head_hash=head.hash.hex(),
            digest=stretch_digest(connection, chain, position, head.position),
            anchors_until=_last_held(anchors, finding),
            key_id=key.key_id,
            algorithm=key.algorithm,
        )
    document = boundary.encode()
    return SegmentProposalAnswer(
        document=document.decode(),
        signature=key.sign(document).hex(),
        chain=chain.value,
        break_position=position,
        head_position=head.position,
        flaw=finding.flaw.value,
    )


def _last_held(anchors: list[Anchor], finding: Finding) -> int:
    """Up to which position what was published is otherwise: of the anchors behind the break the last one."""
    position = finding.position or 0
    return max((each.position for each in anchors if each.position >= position), default=0)
