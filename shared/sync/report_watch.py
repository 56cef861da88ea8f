"""What the log and the metrics are told of a watch: gauges, and one line."""

from dataclasses import dataclass
from datetime import datetime

from shared.adapters.telemetry import Telemetry
from shared.pairing.store import PairSummary
from shared.sync.loss.find_gaps import GapsSeen
from shared.sync.loss.watch_heads import HeadsSeen


@dataclass(frozen=True)
class Watch:
    """What one watch saw. Lag is None where the broker could not be asked: unknown, never 0."""

    hubs_unknown: int
    lag_events: dict[tuple[str, str], int | None]
    lag_seconds: dict[tuple[str, str], float | None]
    freshness_seconds: dict[tuple[str, str], float]
    pairs: PairSummary
    overdue: dict[str, int]
    gaps: GapsSeen
    heads: HeadsSeen
    silent: dict[str, datetime]


def report_watch(telemetry: Telemetry, watch: Watch, now: datetime) -> None:
    """Publish the gauges. What is unknown is not published: a gauge that stays away is no 0."""
    _report_partitions(telemetry, watch)
    telemetry.metric("missing_events", watch.gaps.missing_events)
    partitions_unknown = sum(lag is None for lag in watch.lag_events.values())
    # A hub that is mute before anything was read of it has no partition whose lag could be unknown.
    unknown = partitions_unknown + watch.hubs_unknown
    # What is seen is told though a hub is mute; that nothing is seen says nothing then.
    stalled = len(watch.heads.stalled) or (None if unknown else 0)
    silent = len(watch.silent) or (None if unknown else 0)
    if stalled is not None:
        telemetry.metric("partitions_stalled", stalled)
    if silent is not None:
        telemetry.metric("sites_silent", silent)
    age = _report_pairs(telemetry, watch, now)
    telemetry.event(
        "watch",
        lag_events=None if unknown else sum(lag or 0 for lag in watch.lag_events.values()),
        hubs_unknown=watch.hubs_unknown,
        partitions_unknown=partitions_unknown,
        gaps_found=len(watch.gaps.found),
        missing_events=watch.gaps.missing_events,
        partitions_stalled=stalled,
        partitions_at_risk=len(watch.heads.at_risk),
        risk_unknown=len(watch.heads.unknown),
        sites_silent=silent,
        pairs_incomplete=watch.pairs.incomplete,
        oldest_incomplete_seconds=age,
        newly_overdue=sum(watch.overdue.values()),
    )


def _report_partitions(telemetry: Telemetry, watch: Watch) -> None:
    for (stream, partition), lag in watch.lag_events.items():
        if lag is not None:
            telemetry.metric("lag_events", lag, stream=stream, partition=partition)
    for (stream, partition), late in watch.lag_seconds.items():
        if late is not None:
            telemetry.metric("lag_seconds", late, stream=stream, partition=partition)
    for (stream, partition), seconds in watch.freshness_seconds.items():
        telemetry.metric("freshness_seconds", seconds, stream=stream, partition=partition)


def _report_pairs(telemetry: Telemetry, watch: Watch, now: datetime) -> float:
    pairs = watch.pairs
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
    return age
