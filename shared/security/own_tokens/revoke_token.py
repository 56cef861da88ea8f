"""Revoke a token: it stops at once, both its secrets."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security.errors import TokenNotFound
from shared.security.model import EVERYTHING, Permission
from shared.security.own_tokens import policy, store
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def revoke_token(runtime: Runtime, context: Context, token_id: str, reason: str) -> Done:
    """The token as it ended: the caller's own, or one of a principal it manages. Raises TokenNotFound."""
    is_own = context.permission is Permission.TOKEN_OWN

    def act(connection: Connection, now: datetime) -> Effect:
        at = policy.moment(runtime.settings, now)
        before = store.lock_token(connection, token_id, EVERYTHING if is_own else context.scope, at)
        if is_own and before.principal_id != context.caller.principal_id:
            raise TokenNotFound(f"{token_id} is another's")
        store.revoke_token(connection, token_id, context.caller.actor, now)
        after = asdict(store.get_token(connection, token_id, at))
        return Effect(body=after, before=asdict(before), after=after, site_id=before.site_id)

    command = Command(
        action=Action.OWN_TOKEN_REVOKE if is_own else Action.TOKEN_REVOKE,
        target_type="token",
        target_id=token_id,
        reason=reason,
    )
    return run_command(runtime, context, command, act)
