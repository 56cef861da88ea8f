"""Review a break-glass grant: somebody other than its holder and its giver has looked at what was done with it."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security.errors import GrantNotFound, NotAllowed
from shared.security.grants import store
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def review_break_glass(runtime: Runtime, context: Context, grant_id: str, reason: str) -> Done:
    """The grant as it was reviewed; `reason` is the finding.

    Raises GrantNotFound, and NotAllowed for who holds it and for who gave it: giving it is what is reviewed.
    """

    def act(connection: Connection, now: datetime) -> Effect:
        before = store.lock_grant(connection, grant_id, context.scope)
        if not before.break_glass or before.reviewed_at is not None:
            raise GrantNotFound(f"{grant_id} has no review to wait for")
        if context.caller.principal_id in (before.principal_id, before.created_by):
            raise NotAllowed("nobody reviews what they hold or gave")
        after = asdict(store.review_grant(connection, grant_id, context.caller.principal_id, now))
        return Effect(body=after, before=asdict(before), after=after, site_id=before.site_id)

    command = Command(
        action=Action.BREAK_GLASS_REVIEW, target_type="grant", target_id=grant_id, reason=reason
    )
    return run_command(runtime, context, command, act)
