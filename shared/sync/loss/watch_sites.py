"""Watch for silence: a site somebody waits for sent nothing for longer than it should, as far as we can know."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from shared.alerts.store import insert_outbox
from shared.sync.loss import store
from shared.sync.loss.errors import SiteSilent
from shared.sync.loss.model import Partition, seen_through, silent_sites


def watch_sites(
    connection: Connection, consumer_group: str, partitions: Sequence[Partition], now: datetime
) -> dict[str, datetime]:
    """The silent sites with the time of their newest event; one alert per silence.

    Silence is measured up to the moment to which we hold whatever was sent: what we only did not read yet is our lag.
    """
    sites = store.list_site_activity(connection, consumer_group)
    through = seen_through(
        [(each.own, each.last_enqueued_at) for each in partitions], [each.extent for each in partitions], now
    )
    newest = {site.site_id: site.newest_enqueued_at for site in sites}
    silent = silent_sites(newest, {site.site_id: site.silence_window_seconds for site in sites}, through)
    for site in sites:
        if site.site_id in silent:
            payload = {
                "code": SiteSilent.code,
                "site_id": site.site_id,
                "newest_enqueued_at": silent[site.site_id],
                "silence_window_seconds": site.silence_window_seconds,
                "known_through": through,
                "at": now,
            }
            key = f"{SiteSilent.code}:{site.site_id}:{silent[site.site_id].isoformat()}"
            insert_outbox(connection, "ALERT", key, payload, now)
    return silent
