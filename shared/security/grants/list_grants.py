"""List the standing grants of the caller's sites, or the break-glass ones that wait for their review."""

from shared.database.cursor import CursorSigner
from shared.runtime import Runtime
from shared.security.grants import store
from shared.security.grants.model import GrantPage
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def list_grants(
    runtime: Runtime,
    context: Context,
    *,
    principal_id: str | None = None,
    unreviewed: bool = False,
    limit: int,
    cursor: str | None = None,
) -> GrantPage:
    """One page by principal. Raises CursorInvalid."""
    filters = {"principal_id": principal_id, "unreviewed": str(unreviewed)}
    signer = CursorSigner(runtime.settings.cursor_signing_key, "grants", filters)
    with recorded_read(runtime, context) as reading:
        place = signer.read(cursor) if cursor else ["", ""]
        found = store.list_grants(
            reading.connection,
            context.scope,
            principal_id=principal_id,
            unreviewed=unreviewed,
            after=(str(place[0]), str(place[1])),
            limit=limit + 1,
        )
        page = found[:limit]
        reading.count = len(page)
    last = page[-1] if len(found) > limit else None
    return GrantPage(page, signer.sign([last.principal_id, last.grant_id]) if last else None)
