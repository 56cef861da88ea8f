"""Access records, newest first: who looked at what, and who looked up an id."""

from datetime import datetime

from shared.audit.access.model import HASH_KEY, id_hash
from shared.audit.reading import store
from shared.audit.reading.answer import AccessesAnswer, access_answer
from shared.audit.reading.model import AccessFilter
from shared.database.cursor import CursorSigner
from shared.errors.request import CursorInvalid
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def list_accesses(
    runtime: Runtime,
    context: Context,
    wanted: AccessFilter,
    looked_up: str | None = None,
    *,
    limit: int,
    cursor: str | None = None,
) -> AccessesAnswer:
    """Up to `limit` records of the caller's sites; with `looked_up` those that asked for this id. Raises CursorInvalid.

    Records hold no id: its hash is made under every version of the key.
    """
    if looked_up is not None:
        hashes = tuple(id_hash(each.key, looked_up) for each in runtime.secrets.versions(HASH_KEY))
        wanted = AccessFilter(**{**vars(wanted), "hashes": hashes})
    signer = CursorSigner(runtime.settings.cursor_signing_key, "audit/access", wanted.texts())
    with recorded_read(runtime, context, [looked_up] if looked_up else []) as reading:
        behind = None if cursor is None else _place(signer.read(cursor))
        found = store.list_accesses(reading.connection, wanted, context.scope, behind=behind, limit=limit + 1)
        page = found[:limit]
        reading.count = len(page)
        total = store.count_accesses(reading.connection, wanted, context.scope)
    following = signer.sign((page[-1].recorded_at, page[-1].record_id)) if len(found) > limit else None
    return AccessesAnswer(items=[access_answer(each) for each in page], total=total, next=following)


def _place(parts: list[datetime | str | int]) -> tuple[datetime, int]:
    match parts:
        case [datetime() as moment, int() as record_id]:
            return moment, record_id
    raise CursorInvalid
