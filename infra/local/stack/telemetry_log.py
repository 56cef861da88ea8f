"""Reads the telemetry file of local runs and sums it up: counts, rates and percentiles."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

PERCENTS = (50, 95, 99)


@dataclass
class Series:
    """Observations of one kind, in seconds."""

    values: list[float] = field(default_factory=list)

    def percentiles(self) -> dict[str, float | None]:
        """Nearest rank; None without observations."""
        ordered = sorted(self.values)
        last = len(ordered) - 1
        return {
            f"p{p}": ordered[min(last, -(-len(ordered) * p // 100) - 1)] if ordered else None
            for p in PERCENTS
        }


@dataclass
class Summary:
    """What the log says of a period."""

    first_at: datetime | None = None
    last_at: datetime | None = None
    requests: dict[str, Series] = field(default_factory=lambda: defaultdict(Series))
    statuses: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    batches: dict[str, Series] = field(default_factory=lambda: defaultdict(Series))
    events: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    dead_letters: Counter[str] = field(default_factory=Counter)
    auth_failures: Counter[str] = field(default_factory=Counter)

    def add(self, at: datetime, record: dict[str, Any]) -> None:
        self.first_at = self.first_at or at
        self.last_at = at
        value = record.get("value", 0)
        match record.get("metric"):
            case "request_seconds":
                self.requests[record["route"]].values.append(value)
                self.statuses[record["route"]][record["status"]] += 1
            case "batch_seconds":
                self.batches[record["stream"]].values.append(value)
            case "events":
                self.events[record["stream"]][record["outcome"]] += int(value)
            case "dead_letters":
                self.dead_letters[record["code"]] += int(value)
            case "auth_failures":
                self.auth_failures[record["code"]] += int(value)


def summarise(path: Path, since: datetime) -> Summary:
    """Everything the file says from `since` on; a line that is not ours is passed over."""
    summary = Summary()
    for record in _records(path):
        try:
            at = datetime.fromisoformat(record["at"])
            if at >= since:
                summary.add(at, record)
        except (KeyError, TypeError, ValueError):
            continue
    return summary


def _records(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                # The last line may be half written.
                continue
            if isinstance(record, dict):
                yield record
