"""Reject a request: a second person says no."""

from datetime import datetime

from sqlalchemy import Connection

from shared.approvals.effects import kind_of
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


def reject(runtime: Runtime, context: Context, approval_id: str, reason: str) -> Done:
    """The approval as it stands then; its requester withdraws it instead.

    Raises ApprovalNotFound, ApprovalStateWrong, ApprovalExpired and ApprovalNotYours.
    """

    def act(connection: Connection, now: datetime) -> Effect:
        approval = locked(connection, approval_id, context.scope)
        kind = kind_of(approval.kind)
        require_second_person(connection, context.caller, approval)
        require_right(context.caller, kind.decides, approval)
        require_way(approval, ApprovalState.REJECTED, now)
        return moved(
            connection, context, kind, approval, decide_approval, ApprovalState.REJECTED, reason, now
        )

    command = Command(
        action=Action.APPROVAL_REJECT, target_type="approval", target_id=approval_id, reason=reason
    )
    return run_command(runtime, context, command, act)
