"""List the sites in which the caller holds something."""

from shared.database.cursor import CursorSigner
from shared.runtime import Runtime
from shared.sites import store
from shared.sites.model import SitePage
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def list_sites(runtime: Runtime, context: Context, *, limit: int, cursor: str | None = None) -> SitePage:
    """One page by code. Raises CursorInvalid."""
    signer = CursorSigner(runtime.settings.cursor_signing_key, "sites", {})
    with recorded_read(runtime, context) as reading:
        after = str(signer.read(cursor)[0]) if cursor else ""
        found = store.list_sites(reading.connection, context.scope, after=after, limit=limit + 1)
        page = found[:limit]
        reading.count = len(page)
    return SitePage(page, signer.sign([page[-1].site_id]) if len(found) > limit else None)
