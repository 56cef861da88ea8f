"""Which ceilings are raised, and which partitions are held for a flood of bad events."""

from datetime import timedelta
from typing import Any

from shared.alerts.store import list_alerts
from shared.runtime import Runtime
from shared.sync.errors import RejectFlood
from shared.sync.events.contract import Stream
from shared.sync.rejects.model import Place, Standing
from shared.sync.rejects.store import list_reject_ceilings, list_unreached

# No hub keeps an event for longer, so nothing older can hold a partition.
FLOOD_AGE_MAX = timedelta(days=90)


def list_ceilings(runtime: Runtime, stream: Stream | None = None) -> Standing:
    """Of one stream, or of all.

    A partition is held as long as nothing at or past the first of the flood's events was received: a flood met while
    a gap was read again holds nothing. Alerts stay, so it is not asked whether they were delivered.
    """
    now = runtime.clock.now()
    with runtime.database.reading() as connection:
        ceilings = list_reject_ceilings(connection, now)
        floods = list_alerts(connection, RejectFlood.code, now - FLOOD_AGE_MAX)
        group = runtime.settings.event_consumer_group
        unreached = list_unreached(connection, group, list(map(_place, floods)))
    return Standing(
        [ceiling for ceiling in ceilings if stream in (None, ceiling.stream)],
        [flood for flood in floods if _place(flood) in unreached and stream in (None, flood["stream"])],
    )


def _place(flood: dict[str, Any]) -> Place:
    return Place(flood["hub"], flood["generation"], flood["partition_id"], flood["first_sequence_number"])
