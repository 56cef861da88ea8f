"""Activate a person or a service again: what it was granted holds from now on."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.errors.request import PreconditionFailed
from shared.runtime import Runtime
from shared.security.beyond import refuse_beyond
from shared.security.grants.model import AHEAD_MAX
from shared.security.model import UNBOUNDED
from shared.security.principals.store import get_principal, switch_principal
from shared.security.store import list_holdings
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def activate_principal(
    runtime: Runtime, context: Context, principal_id: str, reason: str, version: int | None = None
) -> Done:
    """The principal as it is from now on. It gives back all that the principal was granted, so it takes as much.

    Raises PrincipalNotFound, PreconditionFailed and GrantBeyondOwn.
    """

    def act(connection: Connection, now: datetime) -> Effect:
        before = get_principal(connection, principal_id, context.scope, lock=True)
        if version is not None and version != before.version:
            raise PreconditionFailed(f"version {before.version}, asked for {version}")
        given = list_holdings(connection, principal_id, now, begun=now + AHEAD_MAX)
        refuse_beyond(context.caller, given, UNBOUNDED)
        after = (
            before
            if before.is_active
            else switch_principal(connection, principal_id, is_active=True, now=now)
        )
        told = asdict(after)
        return Effect(body=told, before=asdict(before), after=told, site_id=before.site_id)

    command = Command(
        action=Action.PRINCIPAL_ACTIVATE, target_type="principal", target_id=principal_id, reason=reason
    )
    return run_command(runtime, context, command, act)
