"""Take a grant back: it stops at once."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security.errors import GrantNotFound
from shared.security.grants import store
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def revoke_grant(runtime: Runtime, context: Context, grant_id: str, reason: str) -> Done:
    """The grant as it ended. Raises GrantNotFound and LastAdministrator."""

    def act(connection: Connection, now: datetime) -> Effect:
        before = store.lock_grant(connection, grant_id, context.scope)
        if before.revoked_at is not None:
            raise GrantNotFound(f"{grant_id} is revoked")
        after = asdict(store.revoke_grant(connection, grant_id, context.caller.actor, now))
        return Effect(body=after, before=asdict(before), after=after, site_id=before.site_id)

    command = Command(action=Action.GRANT_REVOKE, target_type="grant", target_id=grant_id, reason=reason)
    return run_command(runtime, context, command, act)
