"""Approvals, newest first."""

from dataclasses import asdict, dataclass
from datetime import datetime

from shared.approvals.answer import ApprovalAnswer, approval_answer
from shared.approvals.model import ApprovalFilter, Place
from shared.approvals.store import list_approvals as list_stored
from shared.database.cursor import CursorSigner
from shared.errors.request import CursorInvalid
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


@dataclass(frozen=True, slots=True)
class ApprovalsAnswer:
    """One page; `next` is the cursor of the following page, None on the last."""

    items: list[ApprovalAnswer]
    next: str | None


def list_approvals(
    runtime: Runtime, context: Context, wanted: ApprovalFilter, *, limit: int, cursor: str | None = None
) -> ApprovalsAnswer:
    """Up to `limit` approvals of the caller's sites. Raises CursorInvalid."""
    signer = CursorSigner(runtime.settings.cursor_signing_key, "approvals", asdict(wanted))
    with recorded_read(runtime, context) as reading:
        after = None if cursor is None else _place(signer.read(cursor))
        found = list_stored(reading.connection, context.scope, wanted, after=after, limit=limit + 1)
        page = found[:limit]
        reading.count = len(page)
    following = signer.sign((page[-1].requested_at, page[-1].approval_id)) if len(found) > limit else None
    return ApprovalsAnswer([approval_answer(each) for each in page], following)


def _place(parts: list[datetime | str | int]) -> Place:
    match parts:
        case [datetime() as moment, str() as approval_id]:
            return Place(moment, approval_id)
    raise CursorInvalid
