"""Keep house around requests: partitions ahead, keys that are over, records nobody sealed, settings that changed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.alerts.store import insert_outbox
from shared.audit.access.store import ensure_access_partitions
from shared.audit.access.unsealed import UNSEALED_SECONDS_MAX, find_unsealed
from shared.audit.errors import RecordsUnsealed
from shared.audit.settings_change import record_settings_change, settings_document
from shared.runtime import Runtime
from shared.spine.store import expire_request_rows

DAYS_AHEAD = 14
# An alert is raised again while it lasts, not with every look.
ALERT_SECONDS = 3_600


@dataclass(frozen=True)
class Kept:
    """What one run did and found."""

    partitions_made: int
    keys_expired: int
    refusals_expired: int
    unsealed: int
    settings_changed: bool


def keep_request_rows(runtime: Runtime) -> Kept:
    """What it did. Harmless when run twice, and by two at once."""
    now = runtime.clock.now()
    unsealed, oldest = find_unsealed(runtime.database, timedelta(seconds=UNSEALED_SECONDS_MAX))
    document = settings_document(runtime)
    with runtime.database.transaction() as connection:
        made = ensure_access_partitions(connection, now.date(), DAYS_AHEAD)
        keys, refusals = expire_request_rows(connection, runtime.settings.refusal_counts_kept_days)
        if unsealed:
            key, payload = _alert(unsealed, oldest, now)
            insert_outbox(connection, "ALERT", key, payload, now)
        changed = record_settings_change(connection, document, now)
    return Kept(made, keys, refusals, unsealed, changed)


def _alert(unsealed: int, oldest: datetime | None, now: datetime) -> tuple[str, dict[str, object]]:
    window = int(now.timestamp()) // ALERT_SECONDS
    payload = {"code": RecordsUnsealed.code, "records": unsealed, "oldest_at": oldest, "at": now}
    return f"{RecordsUnsealed.code}:{window}", payload
