"""Take a raised reject ceiling back before its time."""

from shared.runtime import Runtime
from shared.sync.errors import CeilingInvalid
from shared.sync.events.contract import Stream
from shared.sync.rejects.model import Ceiling, Why
from shared.sync.rejects.scope import known_scope, require_why
from shared.sync.rejects.store import insert_ceiling_end, list_reject_ceilings


def lower_ceiling(
    runtime: Runtime, stream: Stream, partition_id: str | None, why: Why, *, dry_run: bool = False
) -> list[Ceiling]:
    """The ceilings it ends: all of exactly this scope. Raises CeilingInvalid when there is none."""
    require_why(why)
    now = runtime.clock.now()
    database = runtime.database
    with database.rehearsal() if dry_run else database.transaction() as connection:
        scope = known_scope(connection, runtime.settings, stream, partition_id)
        ended = [ceiling for ceiling in list_reject_ceilings(connection, now) if ceiling.scope == scope]
        if not ended:
            whose = f"partition {partition_id}" if partition_id else "all partitions"
            raise CeilingInvalid(f"no ceiling is raised for {whose} of {scope.hub}")
        insert_ceiling_end(connection, scope, why, now)
    return ended
