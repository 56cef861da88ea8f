"""Give a role for a few hours outside the usual way: everybody hears of it at once, and somebody else reviews it."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.alerts.store import insert_outbox
from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security.errors import BreakGlassGiven
from shared.security.grants.model import Grant, Wish
from shared.security.grants.write_grant import refuse_wrong, write_grant
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def give_break_glass(runtime: Runtime, context: Context, wish: Wish, lasts: timedelta, reason: str) -> Done:
    """The grant as it was given, for a time from now on. Raises what write_grant raises."""
    grant_id = runtime.ids.new()
    hours_max = runtime.settings.access_break_glass_hours_max

    def act(connection: Connection, now: datetime) -> Effect:
        if not timedelta(0) < lasts <= timedelta(hours=hours_max):
            refuse_wrong({"hours": f"must be above 0, at most {hours_max}"})
        timed = replace(wish, valid_from=None, valid_until=now + lasts)
        grant = write_grant(
            connection, context, timed, now, grant_id=grant_id, reason=reason, break_glass=True
        )
        _tell(connection, grant, now)
        told = asdict(grant)
        return Effect(body=told, status=201, after=told)

    command = Command(
        action=Action.BREAK_GLASS_GIVE,
        target_type="grant",
        target_id=grant_id,
        site_id=wish.site_id,
        reason=reason,
    )
    return run_command(runtime, context, command, act)


def _tell(connection: Connection, grant: Grant, now: datetime) -> None:
    payload = {
        "code": BreakGlassGiven.code,
        "grant_id": grant.grant_id,
        "principal_id": grant.principal_id,
        "role": grant.role,
        "site_id": grant.site_id,
        "valid_until": grant.valid_until,
        "given_by": grant.created_by,
        "reason": grant.reason,
        "at": now,
    }
    insert_outbox(connection, "ALERT", f"{BreakGlassGiven.code}:{grant.grant_id}", payload, now)
