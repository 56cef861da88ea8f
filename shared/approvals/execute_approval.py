"""Carry out what was approved: once, exactly as approved, and only while it is still about the same thing."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from shared.approvals.answer import approval_state
from shared.approvals.effects import kind_of
from shared.approvals.errors import ApprovalOutdated
from shared.approvals.model import ApprovalState
from shared.approvals.open_approval import locked, moved, require_right, require_way
from shared.approvals.store import close_approval
from shared.audit.model import Action
from shared.runtime import Runtime
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def execute_approval(runtime: Runtime, context: Context, approval_id: str, reason: str) -> Done:
    """The approval, EXECUTED, with the `result` of its effect, which commits with it or not at all.

    Whoever may ask for its kind may carry it out: two persons have decided. Raises ApprovalNotFound, ApprovalNotYours,
    ApprovalStateWrong, ApprovalExpired, ApprovalPayloadChanged, ApprovalOutdated, and what the effect raises.
    """

    def act(connection: Connection, now: datetime) -> Effect:
        approval = locked(connection, approval_id, context.scope)
        kind = kind_of(approval.kind)
        require_right(context.caller, kind.requests, approval)
        require_way(approval, ApprovalState.EXECUTED, now)
        if kind.base_version(connection, approval.content) != approval.base_version:
            raise ApprovalOutdated(approval_id)
        change = kind.act(connection, approval, now)
        effect = moved(
            connection, context, kind, approval, close_approval, ApprovalState.EXECUTED, reason, now
        )
        return replace(
            effect,
            body={**effect.body, "result": change.result},
            before={**approval_state(approval), "target": change.before},
            after={**(effect.after or {}), "target": change.after},
        )

    command = Command(
        action=Action.APPROVAL_EXECUTE, target_type="approval", target_id=approval_id, reason=reason
    )
    return run_command(runtime, context, command, act)
