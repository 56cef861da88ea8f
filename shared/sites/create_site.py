"""Create a site: it lies in nobody's scope yet, so only who holds all sites may."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.errors.request import FieldProblem, RequestInvalid
from shared.runtime import Runtime
from shared.sites.check_wish import check_wish
from shared.sites.errors import SiteNotFound
from shared.sites.model import Wish, is_site_id
from shared.sites.store import insert_site
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def create_site(runtime: Runtime, context: Context, site_id: str, wish: Wish, reason: str) -> Done:
    """The site as it was made. Raises RequestInvalid, SiteExists, and SiteNotFound for who holds some sites only."""

    def act(connection: Connection, now: datetime) -> Effect:
        if not context.scope.everything:
            raise SiteNotFound(site_id)
        if not is_site_id(site_id):
            raise RequestInvalid(FieldProblem("site_id", "must have 1 to 40 letters, digits and . _ -"))
        check_wish(connection, wish)
        made = asdict(insert_site(connection, site_id, wish, now))
        return Effect(body=made, status=201, after=made)

    command = Command(
        action=Action.SITE_CREATE, target_type="site", target_id=site_id, site_id=site_id, reason=reason
    )
    return run_command(runtime, context, command, act)
