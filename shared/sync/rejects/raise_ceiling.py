"""Raise a reject ceiling for a time, so that a held partition goes on at its next retry."""

from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.runtime import Runtime
from shared.spine.all_sites import require_all_sites
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect
from shared.sync.errors import CeilingInvalid
from shared.sync.events.contract import Stream
from shared.sync.rejects.answer import ceiling_body
from shared.sync.rejects.model import LASTS_MAX, Raise, Why
from shared.sync.rejects.scope import known_scope, require_line, scope_name
from shared.sync.rejects.store import fetch_reject_ceiling, insert_reject_ceiling


def raise_ceiling(
    runtime: Runtime, context: Context, stream: Stream, partition_id: str | None, wanted: Raise, reason: str
) -> Done:
    """The ceiling as it is written. Raises RequestInvalid, CeilingInvalid, and NotAllowed: a hub is of all sites."""

    def act(connection: Connection, now: datetime) -> Effect:
        require_all_sites(context)
        _check(wanted, runtime.settings.event_reject_share_max)
        require_line(reason)
        scope = known_scope(connection, runtime.settings, stream, partition_id)
        before = fetch_reject_ceiling(connection, scope, now)
        why = Why(reason.strip(), context.caller.actor)
        raised = ceiling_body(insert_reject_ceiling(connection, scope, wanted, why, now))
        return Effect(body=raised, status=201, before=ceiling_body(before) if before else None, after=raised)

    command = Command(
        action=Action.CEILING_RAISE,
        target_type="reject_ceiling",
        target_id=scope_name(stream, partition_id),
        reason=reason,
    )
    return run_command(runtime, context, command, act)


def _check(wanted: Raise, share_max: float) -> None:
    share, lasts = wanted
    if not share_max < share <= 1:
        raise CeilingInvalid(
            f"a ceiling is raised above EVENT_REJECT_SHARE_MAX ({share_max}) to at most 1, not to {share}"
        )
    if share != round(share, 4):
        raise CeilingInvalid(f"a share has at most four decimals, {share} has more")
    if not 0 < lasts.total_seconds() <= LASTS_MAX.total_seconds():
        raise CeilingInvalid(
            f"a ceiling is raised for up to {LASTS_MAX.days} days, not for {lasts.total_seconds():g} seconds"
        )
