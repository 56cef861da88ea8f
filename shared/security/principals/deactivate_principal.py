"""Deactivate a person or a service: whatever it holds, it can do nothing from now on."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.errors.request import PreconditionFailed
from shared.runtime import Runtime
from shared.security.principals.store import get_principal, switch_principal
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def deactivate_principal(
    runtime: Runtime, context: Context, principal_id: str, reason: str, version: int | None = None
) -> Done:
    """The principal as it is from now on; one that is inactive already stays as it is.

    Raises PrincipalNotFound, PreconditionFailed and LastAdministrator.
    """

    def act(connection: Connection, now: datetime) -> Effect:
        before = get_principal(connection, principal_id, context.scope, lock=True)
        if version is not None and version != before.version:
            raise PreconditionFailed(f"version {before.version}, asked for {version}")
        after = (
            switch_principal(connection, principal_id, is_active=False, now=now)
            if before.is_active
            else before
        )
        told = asdict(after)
        return Effect(body=told, before=asdict(before), after=told, site_id=before.site_id)

    command = Command(
        action=Action.PRINCIPAL_DEACTIVATE, target_type="principal", target_id=principal_id, reason=reason
    )
    return run_command(runtime, context, command, act)
