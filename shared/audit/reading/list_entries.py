"""Entries of the audit record, newest first."""

from datetime import datetime

from shared.audit.reading import store
from shared.audit.reading.answer import EntriesAnswer, entry_answer
from shared.audit.reading.model import EntryFilter
from shared.database.cursor import CursorSigner
from shared.errors.request import CursorInvalid
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def list_entries(
    runtime: Runtime, context: Context, wanted: EntryFilter, *, limit: int, cursor: str | None = None
) -> EntriesAnswer:
    """Up to `limit` entries of the caller's sites. Raises CursorInvalid."""
    signer = CursorSigner(runtime.settings.cursor_signing_key, "audit/entries", wanted.texts())
    looked_up = [wanted.target_id] if wanted.target_id else []
    with recorded_read(runtime, context, looked_up) as reading:
        before = None if cursor is None else _place(signer.read(cursor))
        found = store.list_matching(reading.connection, wanted, context.scope, before=before, limit=limit + 1)
        page = found[:limit]
        reading.count = len(page)
        total = store.count_matching(reading.connection, wanted, context.scope)
    following = signer.sign((page[-1].position,)) if len(found) > limit else None
    return EntriesAnswer(items=[entry_answer(each) for each in page], total=total, next=following)


def _place(parts: list[datetime | str | int]) -> int:
    match parts:
        case [int() as position]:
            return position
    raise CursorInvalid
