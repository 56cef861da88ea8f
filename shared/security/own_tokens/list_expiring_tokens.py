"""List the tokens that end within the time they are warned of, the next one first."""

from datetime import timedelta

from shared.database.cursor import CursorSigner
from shared.runtime import Runtime
from shared.security.own_tokens import policy, store
from shared.security.own_tokens.model import TokenPage
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def list_expiring_tokens(
    runtime: Runtime, context: Context, *, limit: int, cursor: str | None = None
) -> TokenPage:
    """One page by their end. Raises CursorInvalid."""
    signer = CursorSigner(runtime.settings.cursor_signing_key, "tokens/expiring", {})
    with recorded_read(runtime, context) as reading:
        place = signer.read(cursor) if cursor else ["-infinity", ""]
        found = store.list_expiring_tokens(
            reading.connection,
            context.scope,
            policy.moment(runtime.settings, reading.now),
            until=reading.now + timedelta(days=runtime.settings.token_warn_days),
            after=(str(place[0]), str(place[1])),
            limit=limit + 1,
        )
        page = found[:limit]
        reading.count = len(page)
    last = page[-1] if len(found) > limit else None
    return TokenPage(page, signer.sign([last.expires_at, last.token_id]) if last else None)
