"""Which ceilings are raised, and which partitions are held for a flood of bad events."""

from datetime import timedelta
from typing import Any

from shared.alerts.store import list_alerts
from shared.runtime import Runtime
from shared.spine.all_sites import require_all_sites
from shared.spine.model import Context
from shared.spine.reads import recorded_read
from shared.sync.errors import RejectFlood
from shared.sync.events.contract import Stream
from shared.sync.rejects.model import Span, Standing
from shared.sync.rejects.store import list_held, list_reject_ceilings

# No hub keeps an event for longer, so nothing older can hold a partition.
FLOOD_AGE_MAX = timedelta(days=90)


def list_ceilings(runtime: Runtime, context: Context, stream: Stream | None = None) -> Standing:
    """Of one stream, or of all. Raises NotAllowed: what somebody wrote about a hub may speak of any site.

    A flood met while a gap was read again holds nothing. Alerts stay, so it is not asked whether they were delivered.
    """
    with recorded_read(runtime, context) as reading:
        require_all_sites(context)
        connection, now = reading.connection, reading.now
        ceilings = list_reject_ceilings(connection, now)
        floods = list_alerts(connection, RejectFlood.code, now - FLOOD_AGE_MAX)
        group = runtime.settings.event_consumer_group
        held = list_held(connection, group, list(map(_span, floods)))
        standing = Standing(
            [ceiling for ceiling in ceilings if stream in (None, ceiling.stream)],
            [flood for flood in floods if _span(flood) in held and stream in (None, flood["stream"])],
        )
        reading.count = len(standing.ceilings) + len(standing.held)
    return standing


def _span(flood: dict[str, Any]) -> Span:
    place = (flood["hub"], flood["generation"], flood["partition_id"])
    return Span(*place, flood["first_sequence_number"], flood["last_sequence_number"])
