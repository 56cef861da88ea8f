"""Corrections, newest first."""

from dataclasses import asdict, dataclass
from datetime import datetime

from shared.corrections.answer import CorrectionAnswer, correction_answer
from shared.corrections.model import CorrectionFilter, Place
from shared.corrections.store import list_corrections as list_stored
from shared.database.cursor import CursorSigner
from shared.errors.request import CursorInvalid
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


@dataclass(frozen=True, slots=True)
class CorrectionsAnswer:
    """One page; `next` is the cursor of the following page, None on the last."""

    items: list[CorrectionAnswer]
    next: str | None


def list_corrections(
    runtime: Runtime, context: Context, wanted: CorrectionFilter, *, limit: int, cursor: str | None = None
) -> CorrectionsAnswer:
    """Up to `limit` corrections of the caller's sites. Raises CursorInvalid."""
    signer = CursorSigner(runtime.settings.cursor_signing_key, "corrections", asdict(wanted))
    asked = [wanted.target_id] if wanted.target_id else []
    with recorded_read(runtime, context, asked) as reading:
        after = None if cursor is None else _place(signer.read(cursor))
        found = list_stored(reading.connection, context.scope, wanted, after=after, limit=limit + 1)
        page = found[:limit]
        reading.count = len(page)
    following = signer.sign((page[-1].requested_at, page[-1].correction_id)) if len(found) > limit else None
    return CorrectionsAnswer([correction_answer(each) for each in page], following)


def _place(parts: list[datetime | str | int]) -> Place:
    match parts:
        case [datetime() as moment, str() as correction_id]:
            return Place(moment, correction_id)
    raise CursorInvalid
