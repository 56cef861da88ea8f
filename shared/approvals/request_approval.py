"""Ask for something that a second person has to approve."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.approvals.answer import approval_body, approval_state
from shared.approvals.effects import kind_of
from shared.approvals.errors import ApprovalNotYours
from shared.approvals.kinds.kind import Kind, Payload
from shared.approvals.model import (
    EXPIRES_MAX,
    Approval,
    ApprovalKind,
    PayloadInvalid,
    Wanted,
    new_approval,
)
from shared.approvals.open_approval import require_right, who_calls
from shared.approvals.store import insert_approval
from shared.audit.model import Action
from shared.errors.request import FieldProblem, RequestInvalid
from shared.runtime import Runtime
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect

ACTIONS = {ApprovalKind.CORRECTION: Action.CORRECTION_REQUEST}


def request_approval(runtime: Runtime, context: Context, wanted: Wanted, reason: str) -> Done:
    """The approval as it begins, PENDING; its payload is completed with what it is about as it stands now.

    Raises RequestInvalid for a kind that nothing carries out, a payload it cannot read, or an expiry too far;
    ApprovalNotYours when the kind asks for a right the caller lacks; and what says that the target is not there.
    """
    kind = kind_of(wanted.kind)
    if not timedelta(0) < wanted.lasts <= EXPIRES_MAX:
        raise RequestInvalid(FieldProblem("expires_in_seconds", f"is at most {EXPIRES_MAX.days} days"))
    if not context.caller.scope_of(kind.requests):
        raise ApprovalNotYours(f"{kind.requests} anywhere")
    kind.check(runtime, wanted.payload)
    approval_id, record_id = runtime.ids.new(), runtime.ids.new()

    def act(connection: Connection, now: datetime) -> Effect:
        approval = _prepared(connection, context, kind, wanted, approval_id, reason, now)
        insert_approval(connection, approval)
        kind.opened(connection, approval, record_id)
        body = approval_body(approval)
        return Effect(
            body=body,
            status=201,
            site_id=approval.site_id,
            after={**approval_state(approval), "payload": body["payload"]},
            approval_id=approval_id,
        )

    action = ACTIONS.get(kind.kind, Action.APPROVAL_REQUEST)
    command = Command(action=action, target_type="approval", target_id=approval_id, reason=reason)
    return run_command(runtime, context, command, act)


def _prepared(
    connection: Connection,
    context: Context,
    kind: Kind,
    wanted: Wanted,
    approval_id: str,
    reason: str,
    now: datetime,
) -> Approval:
    payload: Payload = wanted.payload
    subject = kind.prepare(connection, payload, context)
    try:
        approval = new_approval(
            approval_id,
            kind.kind,
            subject,
            who_calls(context),
            reason=reason.strip(),
            now=now,
            lasts=wanted.lasts,
        )
    except PayloadInvalid as error:
        raise RequestInvalid(FieldProblem("payload", str(error))) from error
    require_right(context.caller, kind.requests, approval)
    return approval
