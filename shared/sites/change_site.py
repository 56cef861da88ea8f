"""Change a site's name, time zone or windows, or switch it off and on."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.errors.request import PreconditionFailed
from shared.runtime import Runtime
from shared.sites.check_wish import check_wish
from shared.sites.model import wish_of
from shared.sites.store import get_site, update_site
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def change_site(
    runtime: Runtime,
    context: Context,
    site_id: str,
    changes: Mapping[str, object],
    reason: str,
    version: int | None = None,
) -> Done:
    """The site as it is from now on; `version` is the one the caller saw.

    Raises SiteNotFound, RequestInvalid and PreconditionFailed.
    """

    def act(connection: Connection, now: datetime) -> Effect:
        before = get_site(connection, site_id, context.scope, lock=True)
        if version is not None and version != before.version:
            raise PreconditionFailed(f"version {before.version}, asked for {version}")
        wish = wish_of(before, changes)
        check_wish(connection, wish)
        after = asdict(update_site(connection, site_id, wish, now))
        return Effect(body=after, before=asdict(before), after=after)

    command = Command(
        action=Action.SITE_CHANGE, target_type="site", target_id=site_id, site_id=site_id, reason=reason
    )
    return run_command(runtime, context, command, act)
