"""Telemetry as a port: named metrics with unit and meaning, and one structured log line per batch or request.

The exporter is chosen by TELEMETRY_EXPORTER. Names are one Literal, so that a misspelt metric does not pass the
type check; METRICS gives each its kind, unit and meaning. Labels are few and bounded: never an id, never free text.
"""

import json
import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, get_args

from shared.adapters.clock import Clock

MetricName = Literal[
    "events",
    "records",
    "batch_seconds",
    "batch_events",
    "dead_letters",
    "revision_conflicts",
    "versions_missing",
    "alias_hits",
    "unknown_fields",
    "lag_events",
    "lag_seconds",
    "freshness_seconds",
    "missing_events",
    "partitions_stalled",
    "sites_silent",
    "pairs_incomplete",
    "pairs_incomplete_ratio",
    "pairs_oldest_incomplete_seconds",
    "pairs_overdue",
    "pair_anomalies",
    "pair_time_to_complete_seconds",
    "request_seconds",
    "auth_failures",
]
Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True)
class Metric:
    """How a metric is to be read."""

    kind: Kind
    unit: str
    meaning: str


METRICS: dict[MetricName, Metric] = {
    "events": Metric("counter", "events", "events taken, by stream and outcome"),
    "records": Metric("counter", "records", "records written or refused by the order, by stream and outcome"),
    "batch_seconds": Metric("histogram", "s", "time from the call of a stream function to its commit"),
    "batch_events": Metric("histogram", "events", "events per batch"),
    "dead_letters": Metric("counter", "events", "events quarantined, by stream and error code"),
    "revision_conflicts": Metric("counter", "events", "equal (updated_at, version), different content"),
    "versions_missing": Metric("counter", "events", "events with neither updated_at nor version"),
    "alias_hits": Metric("counter", "fields", "fields read under another of their names, by field"),
    "unknown_fields": Metric("counter", "fields", "fields the contract does not know, by profile"),
    "lag_events": Metric("gauge", "events", "events in the hub not yet taken, by stream and partition"),
    "lag_seconds": Metric(
        "gauge",
        "s",
        "sent time of the hub's newest event minus that of our newest; no waiting time; 0: none unread",
    ),
    "freshness_seconds": Metric("gauge", "s", "now minus the newest enqueued time, by stream and partition"),
    "missing_events": Metric("gauge", "events", "events missing in gaps that are open or expired"),
    "partitions_stalled": Metric(
        "gauge", "partitions", "partitions that stand still while the hub holds more"
    ),
    "sites_silent": Metric("gauge", "sites", "sites silent for longer than they should be"),
    "pairs_incomplete": Metric("gauge", "pairs", "pairs with one leg"),
    "pairs_incomplete_ratio": Metric("gauge", "1", "incomplete pairs among those with a leg"),
    "pairs_oldest_incomplete_seconds": Metric("gauge", "s", "age of the oldest incomplete pair"),
    "pairs_overdue": Metric("counter", "pairs", "pairs newly incomplete beyond their site's window"),
    "pair_anomalies": Metric("gauge", "pairs", "pairs showing an anomaly, by kind"),
    "pair_time_to_complete_seconds": Metric("histogram", "s", "between the event times of the two legs"),
    "request_seconds": Metric("histogram", "s", "HTTP answer time, by route template and status"),
    "auth_failures": Metric("counter", "requests", "requests refused before a principal was known, by code"),
}
EventName = Literal["batch", "request", "watch", "start"]


class Telemetry(Protocol):
    """Where measurements and log lines go. A method never waits for the outside."""

    def metric(self, name: MetricName, value: float, **labels: str) -> None:
        """Add to a counter, set a gauge or record one observation of a histogram."""
        ...

    def observations(self, name: MetricName, values: Sequence[float], **labels: str) -> None:
        """Record many observations of a histogram at once."""
        ...

    def event(self, name: EventName, **fields: object) -> None:
        """One structured line; fields carry no personal data."""
        ...


@dataclass(frozen=True)
class NoTelemetry:
    """Keeps nothing."""

    def metric(self, name: MetricName, value: float, **labels: str) -> None:
        return None

    def observations(self, name: MetricName, values: Sequence[float], **labels: str) -> None:
        return None

    def event(self, name: EventName, **fields: object) -> None:
        return None


@dataclass(frozen=True)
class LogTelemetry:
    """JSON lines: into the logger `counterfoil`, or into a file when a path is given (local runs)."""

    clock: Clock
    path: Path | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def metric(self, name: MetricName, value: float, **labels: str) -> None:
        self._write({"metric": name, "value": value, **labels})

    def observations(self, name: MetricName, values: Sequence[float], **labels: str) -> None:
        if not values:
            return
        ordered = sorted(values)
        summary = {"count": len(ordered), "sum": sum(ordered)}
        for percent in (50, 95, 99):
            # Nearest rank: the smallest value that so many percent of all do not exceed.
            summary[f"p{percent}"] = ordered[-(-len(ordered) * percent // 100) - 1]
        self._write({"metric": name, **summary, **labels})

    def event(self, name: EventName, **fields: object) -> None:
        self._write({"event": name, **fields})

    def _write(self, record: dict[str, object]) -> None:
        line = json.dumps({"at": self.clock.now().isoformat(), **record}, default=str, ensure_ascii=False)
        if self.path is None:
            logging.getLogger("counterfoil").info("%s", line)
            return
        with self._lock, self.path.open("a", encoding="utf-8") as out:
            out.write(line + "\n")


def metric_names() -> tuple[str, ...]:
    """Every metric's name, in the order of the literal."""
    return get_args(MetricName)
