"""`make metrics`: how fast, how much, how many errors, how far behind."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from infra.local.stack.account import Counts, Pairs, fetch_counts, fetch_pairs
from infra.local.stack.job import side_by_side
from infra.local.stack.layout import Layout
from infra.local.stack.settings import read_settings
from infra.local.stack.telemetry_log import Summary, summarise
from shared.adapters.event_hubs import HubUnreachable, PartitionState
from shared.runtime import Runtime
from shared.sync.measures import freshness, lags
from shared.sync.store import list_positions
from shared.wiring import build_runtime

FRESHNESS_GOAL_SECONDS = 5.0
_DELAYS = """
SELECT percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM ingested_at - enqueued_at))
FROM (SELECT ingested_at, enqueued_at FROM ledger_entries WHERE ingested_at >= :since AND enqueued_at IS NOT NULL
      UNION ALL
      SELECT ingested_at, enqueued_at FROM payment_orders WHERE ingested_at >= :since AND enqueued_at IS NOT NULL
) AS rows
"""


@dataclass(frozen=True)
class Standing:
    """How the sync stands now; None is unknown. Keys are `stream/partition`."""

    lag_events: dict[str, int | None]
    freshness_seconds: dict[str, float]
    apply_delay_seconds: dict[str, float | None]
    counts: Counts
    pairs: Pairs


def show_metrics(layout: Layout, console: Console, *, minutes: int, as_json: bool) -> int:
    """Print the figures of the last `minutes`. Raises SettingsInvalid and DatabaseUnavailable."""
    since = datetime.now(UTC) - timedelta(minutes=minutes)
    runtime = build_runtime(read_settings(layout))
    try:
        standing = fetch_standing(runtime, since)
    finally:
        runtime.database.dispose()
    summary = summarise(layout.telemetry, since)
    document = document_of(summary, standing, minutes)
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        _show(console, document)
    return 0


def fetch_standing(runtime: Runtime, since: datetime) -> Standing:
    """Lag and freshness asked now, delays of what was stored since then."""
    settings = runtime.settings
    names = {"ledger": settings.ledger_hub_name, "payment_order": settings.payment_order_hub_name}
    answers = side_by_side(*(partial(_partitions, runtime, hub) for hub in names.values()))
    hubs = dict(zip(names, answers, strict=True))
    with runtime.database.reading() as connection:
        positions = list_positions(connection, settings.event_consumer_group)
        delays = connection.execute(text(_DELAYS), {"since": since}).scalar() or [None] * 3
    named = {f"{stream}/{partition}": lag for (stream, partition), lag in lags(hubs, positions).items()}
    fresh = freshness(positions, runtime.clock.now())
    return Standing(
        lag_events=named,
        freshness_seconds={f"{s}/{p}": round(seconds, 1) for (s, p), seconds in fresh.items()},
        apply_delay_seconds=dict(zip(("p50", "p95", "p99"), delays, strict=True)),
        counts=fetch_counts(runtime),
        pairs=fetch_pairs(runtime),
    )


def _partitions(runtime: Runtime, hub: str) -> list[PartitionState] | None:
    try:
        return runtime.hubs.partitions(hub)
    except HubUnreachable:
        return None


def document_of(summary: Summary, standing: Standing, minutes: int) -> dict[str, Any]:
    """Everything `make metrics` knows, as one JSON object; times in seconds, unknown is null."""
    period = minutes * 60.0
    if summary.first_at and summary.last_at:
        period = max(1.0, (summary.last_at - summary.first_at).total_seconds())
    requests = {
        route: {
            "count": len(series.values),
            "per_second": round(len(series.values) / period, 3),
            "server_errors": sum(n for s, n in summary.statuses[route].items() if s.startswith("5")),
            "statuses": dict(summary.statuses[route]),
            **series.percentiles(),
        }
        for route, series in sorted(summary.requests.items())
    }
    streams = {
        stream: {
            "batches": len(series.values),
            "events": dict(summary.events[stream]),
            "events_per_second_busy": _rate(summary.events[stream].total(), sum(series.values)),
            **series.percentiles(),
        }
        for stream, series in sorted(summary.batches.items())
    }
    return {
        "minutes": minutes,
        "requests": requests,
        "streams": streams,
        "dead_letters": dict(summary.dead_letters),
        "auth_failures": dict(summary.auth_failures),
        **asdict(standing),
    }


def _rate(count: int, seconds: float) -> float | None:
    return round(count / seconds, 1) if seconds else None


def _show(console: Console, document: dict[str, Any]) -> None:
    console.print(f"The last {document['minutes']} minutes", style="bold")
    for table in (_requests(document), _streams(document), _partition_table(document)):
        console.print(table)
        console.print()
    for name, stated in _facts(document):
        console.print(f"{name:<16} {stated}", soft_wrap=True)


def _facts(document: dict[str, Any]) -> list[tuple[str, str]]:
    delay, pairs = document["apply_delay_seconds"], document["pairs"]
    times = "  ".join(f"{name} {_ms(seconds)}" for name, seconds in delay.items())
    stated = ", ".join(f"{pairs[name]:,} {name}" for name in ("complete", "incomplete", "open", "anomalous"))
    facts = [
        ("from hub to row", f"{times}  (goal: p95 below {FRESHNESS_GOAL_SECONDS:.0f} s)"),
        ("pairs", stated),
        ("dead letters", f"{document['counts']['dead_lettered']:,} in all"),
    ]
    facts += [("", f"{count:>7,} {code}") for code, count in sorted(document["dead_letters"].items())]
    facts += [("refused callers", f"{n:,} {code}") for code, n in sorted(document["auth_failures"].items())]
    return facts


def _requests(document: dict[str, Any]) -> Table:
    table = Table(
        "API route", "requests", "per s", "p50", "p95", "p99", "errors", box=None, header_style="dim"
    )
    for route, row in document["requests"].items():
        times = [_ms(row[f"p{p}"]) for p in (50, 95, 99)]
        errors = f"[red]{row['server_errors']}[/red]" if row["server_errors"] else "0"
        table.add_row(route, f"{row['count']:,}", f"{row['per_second']:.2f}", *times, errors)
    if not document["requests"]:
        table.add_row("no requests")
    return table


def _streams(document: dict[str, Any]) -> Table:
    table = Table(
        "stream", "batches", "events", "per s busy", "p50", "p95", "p99", box=None, header_style="dim"
    )
    for stream, row in document["streams"].items():
        times = [_ms(row[f"p{p}"]) for p in (50, 95, 99)]
        rate = row["events_per_second_busy"]
        shown = "unknown" if rate is None else f"{rate:,.0f}"
        table.add_row(stream, f"{row['batches']:,}", f"{sum(row['events'].values()):,}", shown, *times)
    if not document["streams"]:
        table.add_row("no batches")
    return table


def _partition_table(document: dict[str, Any]) -> Table:
    table = Table("partition", "lag", "newest event", box=None, header_style="dim")
    for place, lag in document["lag_events"].items():
        seconds = document["freshness_seconds"].get(place)
        age = "none yet" if seconds is None else f"{timedelta(seconds=int(seconds))} ago"
        table.add_row(place, "unknown" if lag is None else f"{lag:,} events", age)
    return table


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{float(seconds) * 1000:,.1f} ms"
