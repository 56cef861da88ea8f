"""CHAIN_SEGMENT: a break of an audit chain is closed by a signed boundary; nothing is repaired."""

from datetime import datetime

from sqlalchemy import Connection

from shared.adapters.signing import is_signed
from shared.approvals.kinds.kind import Kind, Payload
from shared.approvals.kinds.members import Members, refuse
from shared.approvals.model import Approval, ApprovalKind, Change, Subject
from shared.audit.keys import public_keys
from shared.audit.model import Chain
from shared.audit.segments import store
from shared.audit.segments.model import DOCUMENT_BYTES_MAX, Boundary, Segment
from shared.runtime import Runtime
from shared.security.model import Permission
from shared.spine.model import Context

SIGNATURE_CHARACTERS = 128


def _boundary(payload: Payload) -> tuple[Boundary, bytes]:
    """The document and its signature. Raises RequestInvalid for what is none."""
    members = Members(payload).only(("document", "signature"))
    boundary = Boundary.decode(members.text("document", DOCUMENT_BYTES_MAX).encode())
    if boundary is None:
        raise refuse("document", "is no boundary as the verification proposes one")
    try:
        signature = bytes.fromhex(members.text("signature", SIGNATURE_CHARACTERS))
    except ValueError as error:
        raise refuse("signature", "is not hexadecimal") from error
    return boundary, signature


def check(runtime: Runtime, payload: Payload) -> None:
    """The keys are asked before any transaction. Raises RequestInvalid for a signature none of them made."""
    boundary, signature = _boundary(payload)
    if not is_signed(boundary.encode(), signature, public_keys(runtime.secrets)):
        raise refuse("signature", "was made by none of the keys of the audit record")


def prepare(connection: Connection, payload: Payload, _context: Context) -> Subject:
    """The break as the chain has it now. Raises SegmentInvalid."""
    boundary, signature = _boundary(payload)
    store.check_boundary(connection, boundary)
    return Subject(
        target_type="audit_chain",
        target_id=f"{boundary.chain}:{boundary.break_position}",
        # A chain belongs to all sites.
        site_id=None,
        base_version=boundary.digest,
        payload={"document": boundary.encode().decode(), "signature": signature.hex()},
    )


def base_version(connection: Connection, payload: Payload) -> str:
    """The digest of the break's entries as they stand now."""
    boundary, _ = _boundary(payload)
    return store.stretch_digest(
        connection, Chain(boundary.chain), boundary.break_position, boundary.head_position
    )


def act(connection: Connection, approval: Approval, now: datetime) -> Change:
    """The boundary stands beside the chain for ever. Raises SegmentInvalid."""
    boundary, signature = _boundary(approval.content)
    assert approval.decided_as is not None, "it was approved"
    store.insert_segment(
        connection,
        Segment(
            boundary=boundary,
            signature=signature,
            requested_by=approval.requested_as,
            approved_by=approval.decided_as,
            approval_id=approval.approval_id,
            reason=approval.reason,
            closed_at=now,
        ),
    )
    told = {"chain": boundary.chain, "break_position": boundary.break_position, "head": boundary.head_hash}
    return Change(result=told, before={"head": boundary.good_hash}, after=told)


CHAIN_SEGMENT = Kind(
    kind=ApprovalKind.CHAIN_SEGMENT,
    requests=Permission.AUDIT_VERIFY,
    decides=Permission.AUDIT_VERIFY,
    check=check,
    prepare=prepare,
    base_version=base_version,
    act=act,
)
