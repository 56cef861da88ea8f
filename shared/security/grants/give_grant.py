"""Give a principal a role at a site, or at all of them."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security.grants.model import Wish
from shared.security.grants.write_grant import write_grant
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def give_grant(runtime: Runtime, context: Context, wish: Wish, reason: str) -> Done:
    """The grant as it was given. Raises what write_grant raises."""
    grant_id = runtime.ids.new()

    def act(connection: Connection, now: datetime) -> Effect:
        grant = write_grant(
            connection, context, wish, now, grant_id=grant_id, reason=reason, break_glass=False
        )
        told = asdict(grant)
        return Effect(body=told, status=201, after=told)

    command = Command(
        action=Action.GRANT_GIVE,
        target_type="grant",
        target_id=grant_id,
        site_id=wish.site_id,
        reason=reason,
    )
    return run_command(runtime, context, command, act)
