"""List active tokens: the caller's own, or those of the principals it manages."""

from shared.database.cursor import CursorSigner
from shared.runtime import Runtime
from shared.security.model import EVERYTHING, Permission
from shared.security.own_tokens import policy, store
from shared.security.own_tokens.model import TokenPage
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def list_tokens(
    runtime: Runtime,
    context: Context,
    *,
    principal_id: str | None = None,
    limit: int,
    cursor: str | None = None,
) -> TokenPage:
    """One page by principal. Raises CursorInvalid."""
    is_own = context.permission is Permission.TOKEN_OWN
    whose = context.caller.principal_id if is_own else principal_id
    signer = CursorSigner(runtime.settings.cursor_signing_key, "tokens", {"principal_id": whose})
    with recorded_read(runtime, context) as reading:
        place = signer.read(cursor) if cursor else ["", ""]
        found = store.list_tokens(
            reading.connection,
            EVERYTHING if is_own else context.scope,
            policy.moment(runtime.settings, reading.now),
            principal_id=whose,
            after=(str(place[0]), str(place[1])),
            limit=limit + 1,
        )
        page = found[:limit]
        reading.count = len(page)
    last = page[-1] if len(found) > limit else None
    return TokenPage(page, signer.sign([last.principal_id, last.token_id]) if last else None)
