"""Withdraw a request: its requester no longer wants it, approved or not."""

from datetime import datetime

from sqlalchemy import Connection

from shared.approvals.effects import kind_of
from shared.approvals.errors import ApprovalNotYours
from shared.approvals.model import ApprovalState
from shared.approvals.open_approval import locked, moved, require_way
from shared.approvals.store import close_approval
from shared.audit.model import Action
from shared.runtime import Runtime
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def withdraw(runtime: Runtime, context: Context, approval_id: str, reason: str) -> Done:
    """The approval as it stands then.

    Raises ApprovalNotFound, ApprovalNotYours, ApprovalStateWrong and ApprovalExpired.
    """

    def act(connection: Connection, now: datetime) -> Effect:
        approval = locked(connection, approval_id, context.scope)
        if approval.requested_by != context.caller.principal_id:
            raise ApprovalNotYours("only its requester withdraws it")
        require_way(approval, ApprovalState.WITHDRAWN, now)
        kind = kind_of(approval.kind)
        return moved(
            connection, context, kind, approval, close_approval, ApprovalState.WITHDRAWN, reason, now
        )

    command = Command(
        action=Action.APPROVAL_WITHDRAW, target_type="approval", target_id=approval_id, reason=reason
    )
    return run_command(runtime, context, command, act)
