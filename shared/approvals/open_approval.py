"""An approval that is to be moved: locked, seen to stand where it must, and moved by whom it may be."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection

from shared.approvals.answer import approval_body, approval_state
from shared.approvals.errors import (
    ApprovalExpired,
    ApprovalNotFound,
    ApprovalNotYours,
    ApprovalPayloadChanged,
    ApprovalStateWrong,
)
from shared.approvals.kinds.kind import Kind
from shared.approvals.model import EDGES, Approval, ApprovalState, Who
from shared.approvals.store import lock_approval
from shared.security.model import Caller, Permission, Scope
from shared.security.own_tokens.store import knew_token
from shared.spine.model import Context, Effect

Move = Callable[[Connection, str, ApprovalState, Who, str, datetime], Approval]


def who_calls(context: Context) -> Who:
    """The caller, as an approval names persons."""
    return Who(context.caller.principal_id, context.caller.actor)


def locked(connection: Connection, approval_id: str, scope: Scope) -> Approval:
    """The approval, held to the end of the transaction. Raises ApprovalNotFound and ApprovalPayloadChanged."""
    approval = lock_approval(connection, approval_id, scope)
    if approval is None:
        raise ApprovalNotFound(approval_id)
    if not approval.is_intact:
        raise ApprovalPayloadChanged(f"the payload of {approval_id} is not what was hashed")
    return approval


def require_way(approval: Approval, state: ApprovalState, now: datetime) -> None:
    """Raises ApprovalStateWrong where no way leads to that state, and ApprovalExpired when its time is over."""
    if approval.state not in EDGES[state]:
        raise ApprovalStateWrong(
            f"approval {approval.approval_id} is {approval.state}, not {state}'s beginning"
        )
    if now >= approval.expires_at:
        raise ApprovalExpired(approval.approval_id)


def require_right(caller: Caller, permission: Permission, approval: Approval) -> None:
    """Raises ApprovalNotYours for who lacks what the kind asks for on the approval's site."""
    if not caller.scope_of(permission).holds(approval.site_id):
        raise ApprovalNotYours(f"{permission} on {approval.site_id or 'all sites'}")


def require_second_person(connection: Connection, caller: Caller, approval: Approval) -> None:
    """Raises ApprovalNotYours for the requester, and where one of the two was shown a token of the other's.

    Whoever issues a token reads its secret: both principals may be one pair of hands.
    """
    one, other = caller.principal_id, approval.requested_by
    if one == other or knew_token(connection, one, other, approval.requested_at):
        raise ApprovalNotYours("a second person decides")


def moved(
    connection: Connection,
    context: Context,
    kind: Kind,
    approval: Approval,
    move: Move,
    state: ApprovalState,
    reason: str,
    now: datetime,
) -> Effect:
    """Move the approval, and its kind's own record with it."""
    after = move(connection, approval.approval_id, state, who_calls(context), reason.strip(), now)
    kind.moved(connection, after, now)
    return Effect(
        body=approval_body(after),
        target_id=after.approval_id,
        site_id=after.site_id,
        before=approval_state(approval),
        after=approval_state(after),
        approval_id=after.approval_id,
    )
