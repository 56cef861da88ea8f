"""List the persons and services managed where the caller manages access."""

from shared.database.cursor import CursorSigner
from shared.runtime import Runtime
from shared.security.principals import store
from shared.security.principals.model import PrincipalPage
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def list_principals(
    runtime: Runtime, context: Context, *, limit: int, cursor: str | None = None
) -> PrincipalPage:
    """One page by id. Raises CursorInvalid."""
    signer = CursorSigner(runtime.settings.cursor_signing_key, "principals", {})
    with recorded_read(runtime, context) as reading:
        after = str(signer.read(cursor)[0]) if cursor else ""
        found = store.list_principals(reading.connection, context.scope, after=after, limit=limit + 1)
        page = found[:limit]
        reading.count = len(page)
    return PrincipalPage(page, signer.sign([page[-1].principal_id]) if len(found) > limit else None)
