"""Take a raised reject ceiling back before its time."""

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
from shared.sync.rejects.model import Why
from shared.sync.rejects.scope import known_scope, require_line, scope_name
from shared.sync.rejects.store import insert_ceiling_end, list_reject_ceilings

# The newest of one scope are kept in the audit record; how many there were is kept of all.
KEPT_MAX = 20


def lower_ceiling(
    runtime: Runtime, context: Context, stream: Stream, partition_id: str | None, reason: str
) -> Done:
    """The ceilings it ends, as `lowered`: all of exactly this scope.

    Raises RequestInvalid, CeilingInvalid when there is none, and NotAllowed: a hub is of all sites.
    """

    def act(connection: Connection, now: datetime) -> Effect:
        require_all_sites(context)
        require_line(reason)
        scope = known_scope(connection, runtime.settings, stream, partition_id)
        ended = [ceiling for ceiling in list_reject_ceilings(connection, now) if ceiling.scope == scope]
        if not ended:
            whose = f"partition {partition_id}" if partition_id else "all partitions"
            raise CeilingInvalid(f"no ceiling is raised for {whose} of {scope.hub}")
        insert_ceiling_end(connection, scope, Why(reason.strip(), context.caller.actor), now)
        lowered = [ceiling_body(each) for each in ended]
        return Effect(
            body={"lowered": lowered},
            before={"ceilings": len(lowered), "newest": lowered[:KEPT_MAX]},
            after={"ceilings": 0},
        )

    command = Command(
        action=Action.CEILING_WITHDRAW,
        target_type="reject_ceiling",
        target_id=scope_name(stream, partition_id),
        reason=reason,
    )
    return run_command(runtime, context, command, act)
