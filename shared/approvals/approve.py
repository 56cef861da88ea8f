"""Approve a request: a second person says yes to its exact payload."""

from datetime import datetime

from sqlalchemy import Connection

from shared.approvals.effects import kind_of
from shared.approvals.errors import ApprovalPayloadChanged
from shared.approvals.model import ApprovalState
from shared.approvals.open_approval import (
    locked,
    moved,
    require_right,
    require_second_person,
    require_way,
)
from shared.approvals.store import decide_approval
from shared.audit.model import Action
from shared.runtime import Runtime
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def approve(runtime: Runtime, context: Context, approval_id: str, payload_hash: str, reason: str) -> Done:
    """The approval as it stands then. `payload_hash` names what the caller has read.

    Raises ApprovalNotFound, ApprovalPayloadChanged, ApprovalStateWrong, ApprovalExpired, and ApprovalNotYours for the
    requester's own hand, however it calls, and where the kind asks for a right the caller lacks.
    """

    def act(connection: Connection, now: datetime) -> Effect:
        approval = locked(connection, approval_id, context.scope)
        kind = kind_of(approval.kind)
        require_second_person(connection, context.caller, approval)
        require_right(context.caller, kind.decides, approval)
        require_way(approval, ApprovalState.APPROVED, now)
        if payload_hash != approval.payload_hash.hex():
            raise ApprovalPayloadChanged(f"the payload of {approval_id} has another hash")
        return moved(
            connection, context, kind, approval, decide_approval, ApprovalState.APPROVED, reason, now
        )

    command = Command(
        action=Action.APPROVAL_APPROVE, target_type="approval", target_id=approval_id, reason=reason
    )
    return run_command(runtime, context, command, act)
