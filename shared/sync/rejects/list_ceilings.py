"""Which ceilings are raised, and which partitions are held for a flood of bad events."""

from typing import Any

from shared.alerts.store import list_alerts
from shared.runtime import Runtime
from shared.sync.errors import RejectFlood
from shared.sync.events.contract import Stream
from shared.sync.rejects.model import Place, Standing
from shared.sync.rejects.store import list_missing, list_reject_ceilings


def list_ceilings(runtime: Runtime, stream: Stream | None = None) -> Standing:
    """Of one stream, or of all.

    A flood is over when the first of its events was received; its alert stays, so it is not asked whether the alert
    was delivered.
    """
    now = runtime.clock.now()
    with runtime.database.reading() as connection:
        ceilings = list_reject_ceilings(connection, now)
        floods = list_alerts(connection, RejectFlood.code)
        missing = list_missing(connection, runtime.settings.event_consumer_group, list(map(_place, floods)))
    return Standing(
        [ceiling for ceiling in ceilings if stream in (None, ceiling.stream)],
        [flood for flood in floods if _place(flood) in missing and stream in (None, flood["stream"])],
    )


def _place(flood: dict[str, Any]) -> Place:
    return Place(flood["hub"], flood["generation"], flood["partition_id"], flood["first_sequence_number"])
