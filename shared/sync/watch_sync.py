"""Watch the sync: lag, freshness, incomplete and overdue pairs; once a minute, and harmless when run twice."""

from dataclasses import dataclass
from datetime import datetime

from shared.adapters.event_hubs import HubUnreachable, PartitionState
from shared.alerts.store import insert_outbox
from shared.pairing.store import PairSummary, fetch_pair_summary, mark_overdue
from shared.runtime import Runtime
from shared.sync import store
from shared.sync.measures import freshness, lags

EVIDENCE_MONTHS_AHEAD = 3


@dataclass(frozen=True)
class Watch:
    """What one watch saw. Lag is None where the broker could not be asked: unknown, never 0."""

    lag_events: dict[tuple[str, str], int | None]
    freshness_seconds: dict[tuple[str, str], float]
    pairs: PairSummary
    overdue: dict[str, int]


def watch_sync(runtime: Runtime) -> Watch:
    """Read, mark what is overdue, raise one alert per site and window, and publish the gauges.

    Raises DatabaseUnavailable; a broker that does not answer makes the lag unknown and nothing else.
    """
    now = runtime.clock.now()
    hubs = {
        "ledger": _partitions(runtime, runtime.settings.ledger_hub_name),
        "payment_order": _partitions(runtime, runtime.settings.payment_order_hub_name),
    }
    with runtime.database.transaction() as connection:
        store.ensure_evidence_partitions(connection, now, EVIDENCE_MONTHS_AHEAD)
        positions = store.list_positions(connection, runtime.settings.event_consumer_group)
        overdue = mark_overdue(connection, now)
        for site in overdue:
            window = int(now.timestamp()) // site.window_seconds
            payload = {"code": "SYNC_PAIRS_OVERDUE", "site_id": site.site_id, "pairs": site.pairs, "at": now}
            insert_outbox(connection, "ALERT", f"SYNC_PAIRS_OVERDUE:{site.site_id}:{window}", payload, now)
        pairs = fetch_pair_summary(connection)
    watch = Watch(
        lags(hubs, positions),
        freshness(positions, now),
        pairs,
        {site.site_id: site.pairs for site in overdue},
    )
    _publish(runtime, watch, now)
    return watch


def _partitions(runtime: Runtime, hub: str) -> list[PartitionState] | None:
    try:
        return runtime.hubs.partitions(hub)
    except HubUnreachable:
        return None


def _publish(runtime: Runtime, watch: Watch, now: datetime) -> None:
    telemetry, pairs = runtime.telemetry, watch.pairs
    for (stream, partition), lag in watch.lag_events.items():
        if lag is not None:
            telemetry.metric("lag_events", lag, stream=stream, partition=partition)
    for (stream, partition), seconds in watch.freshness_seconds.items():
        telemetry.metric("freshness_seconds", seconds, stream=stream, partition=partition)
    telemetry.metric("pairs_incomplete", pairs.incomplete)
    if pairs.incomplete_ratio is not None:
        telemetry.metric("pairs_incomplete_ratio", pairs.incomplete_ratio)
    oldest = pairs.oldest_incomplete_since
    age = (now - oldest).total_seconds() if oldest else 0.0
    telemetry.metric("pairs_oldest_incomplete_seconds", age)
    for anomaly, count in pairs.anomalies.items():
        telemetry.metric("pair_anomalies", count, anomaly=anomaly)
    for count in watch.overdue.values():
        telemetry.metric("pairs_overdue", count)
    unknown = sum(lag is None for lag in watch.lag_events.values())
    telemetry.event(
        "watch",
        lag_events=sum(lag or 0 for lag in watch.lag_events.values()),
        partitions_unknown=unknown,
        pairs_incomplete=pairs.incomplete,
        oldest_incomplete_seconds=age,
        newly_overdue=sum(watch.overdue.values()),
    )
