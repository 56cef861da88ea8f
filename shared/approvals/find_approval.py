"""One approval."""

from shared.approvals.answer import ApprovalAnswer, approval_answer
from shared.approvals.errors import ApprovalNotFound
from shared.approvals.store import fetch_approval
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def find_approval(runtime: Runtime, context: Context, approval_id: str) -> ApprovalAnswer:
    """The approval with its exact payload. Raises ApprovalNotFound, also for one of another site."""
    with recorded_read(runtime, context, [approval_id]) as reading:
        approval = fetch_approval(reading.connection, approval_id, context.scope)
        if approval is None:
            raise ApprovalNotFound(approval_id)
        reading.site_id = approval.site_id
    return approval_answer(approval)
