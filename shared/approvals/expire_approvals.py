"""End approvals whose time is over, each with an entry in the audit record."""

from datetime import datetime

from sqlalchemy import Connection

from shared.approvals.answer import approval_state
from shared.approvals.effects import EFFECTS
from shared.approvals.model import Approval, ApprovalState, Who
from shared.approvals.store import close_approval, list_overdue
from shared.audit import store as audit
from shared.audit.model import Action, Chain, Facts, Outcome, PrincipalType, draft_entry
from shared.runtime import Runtime

# In one transaction: few enough that who waits for the audit record does not wait long.
BATCH = 50
SYSTEM = Who("counterfoil", "counterfoil")
REASON = "its time is over"


def expire_approvals(runtime: Runtime) -> int:
    """How many it ended. What somebody else is moving at this moment is left to the next run."""
    ended = 0
    while True:
        with runtime.database.transaction() as connection:
            found = _expire_some(connection, runtime.clock.now())
        ended += found
        if found < BATCH:
            return ended


def _expire_some(connection: Connection, now: datetime) -> int:
    overdue = list_overdue(connection, now, BATCH)
    expired = [_expired(connection, each, now) for each in overdue]
    for before, after in zip(overdue, expired, strict=True):
        audit.append_draft(connection, draft_entry(_facts(before, after, now)))
    return len(overdue)


def _expired(connection: Connection, approval: Approval, now: datetime) -> Approval:
    after = close_approval(connection, approval.approval_id, ApprovalState.EXPIRED, SYSTEM, REASON, now)
    for kind in EFFECTS:
        if kind.kind == approval.kind:
            kind.moved(connection, after, now)
    return after


def _facts(before: Approval, after: Approval, now: datetime) -> Facts:
    return Facts(
        chain=Chain.CONTROL,
        occurred_at=now,
        actor=SYSTEM.actor,
        principal_type=PrincipalType.SYSTEM,
        action=Action.APPROVAL_EXPIRE,
        target_type="approval",
        target_id=after.approval_id,
        site_id=after.site_id,
        outcome=Outcome.DONE,
        reason=REASON,
        before=approval_state(before),
        after=approval_state(after),
        approval_id=after.approval_id,
    )
