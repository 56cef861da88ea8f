"""host.json: read strictly, with the platform's defaults."""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from infra.local.host.errors import StartError

_SPAN = re.compile(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})")
_EVENT_HUBS_KEYS = {
    "maxEventBatchSize",
    "minEventBatchSize",
    "maxWaitTime",
    "prefetchCount",
    "batchCheckpointFrequency",
    "initialOffsetOptions",
    "targetUnprocessedEventThreshold",
    "transportType",
    "loadBalancingUpdateInterval",
    "partitionOwnershipExpirationInterval",
    "clientRetryOptions",
}
_HTTP_KEYS = {
    "routePrefix",
    "maxOutstandingRequests",
    "maxConcurrentRequests",
    "dynamicThrottlesEnabled",
    "hsts",
}
_TOP_KEYS = {
    "version",
    "logging",
    "extensions",
    "extensionBundle",
    "functionTimeout",
    "telemetryMode",
    "concurrency",
    "healthMonitor",
    "singleton",
    "watchDirectories",
}


@dataclass(frozen=True)
class InitialOffset:
    """Where a partition without a checkpoint begins: fromStart, fromEnd or fromEnqueuedTime."""

    kind: str = "fromStart"
    enqueued_at: datetime | None = None


@dataclass(frozen=True)
class EventHubsOptions:
    max_batch_size: int = 100
    min_batch_size: int = 1
    max_wait_seconds: float = 60.0
    prefetch_count: int = 300
    checkpoint_every_batches: int = 1
    initial_offset: InitialOffset = field(default_factory=InitialOffset)


@dataclass(frozen=True)
class HostJson:
    event_hubs: EventHubsOptions = field(default_factory=EventHubsOptions)
    route_prefix: str = "api"
    max_outstanding_requests: int | None = None
    max_concurrent_requests: int | None = None
    function_timeout_seconds: float | None = 30 * 60.0
    log_level: str = "Information"


def read_host_json(path: Path) -> HostJson:
    """Read host.json. Raises StartError that names the key for anything unknown, misplaced or out of range."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StartError(f"There is no {path}; a function app needs a host.json at its root.") from None
    except (OSError, ValueError) as error:
        raise StartError(f"{path} cannot be read: {error}.") from error
    top = _object(document, "host.json", _TOP_KEYS)
    if top.get("version") != "2.0":
        raise StartError('host.json must say "version": "2.0".')
    extensions = _object(top.get("extensions", {}), "extensions", {"eventHubs", "http"})
    http = _object(extensions.get("http", {}), "extensions.http", _HTTP_KEYS)
    return HostJson(
        event_hubs=_event_hubs(
            _object(extensions.get("eventHubs", {}), "extensions.eventHubs", _EVENT_HUBS_KEYS)
        ),
        route_prefix=_text(http, "extensions.http", "routePrefix", "api").strip("/"),
        max_outstanding_requests=_request_limit(http, "maxOutstandingRequests"),
        max_concurrent_requests=_request_limit(http, "maxConcurrentRequests"),
        function_timeout_seconds=_timeout_seconds(top),
        log_level=_log_level(top),
    )


def _event_hubs(options: dict[str, Any]) -> EventHubsOptions:
    where = "extensions.eventHubs"
    maximum = _integer(options, where, "maxEventBatchSize", 100, 1, 100_000)
    minimum = _integer(options, where, "minEventBatchSize", 1, 1, 100_000)
    if minimum > maximum:
        raise StartError(
            f"host.json: {where}.minEventBatchSize must not exceed maxEventBatchSize ({maximum})."
        )
    wait = _span_seconds(options.get("maxWaitTime", "00:01:00"), f"{where}.maxWaitTime")
    if wait > 600:
        raise StartError(f"host.json: {where}.maxWaitTime must not exceed 00:10:00.")
    return EventHubsOptions(
        max_batch_size=maximum,
        min_batch_size=minimum,
        max_wait_seconds=wait,
        prefetch_count=_integer(options, where, "prefetchCount", 300, 1, 100_000),
        checkpoint_every_batches=_integer(options, where, "batchCheckpointFrequency", 1, 1, 1_000_000),
        initial_offset=_initial_offset(options.get("initialOffsetOptions", {})),
    )


def _initial_offset(value: object) -> InitialOffset:
    where = "extensions.eventHubs.initialOffsetOptions"
    options = _object(value, where, {"type", "enqueuedTimeUtc"})
    kind = options.get("type") or "fromStart"
    if kind not in {"fromStart", "fromEnd", "fromEnqueuedTime"}:
        raise StartError(
            f"host.json: {where}.type must be fromStart, fromEnd or fromEnqueuedTime, not {kind!r}."
        )
    if kind != "fromEnqueuedTime":
        return InitialOffset(kind)
    try:
        moment = datetime.fromisoformat(str(options["enqueuedTimeUtc"]))
    except (KeyError, ValueError):
        raise StartError(
            f"host.json: {where}.enqueuedTimeUtc must be a time like 2026-11-24T00:00:00Z."
        ) from None
    return InitialOffset(kind, moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _object(value: object, where: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise StartError(f"host.json: {where} must be an object.")
    unknown = sorted(set(value) - known)
    if unknown:
        raise StartError(f"host.json: {where} has the unknown key {unknown[0]!r}; remove or correct it.")
    return value


def _integer(options: dict[str, Any], where: str, key: str, default: int, least: int, most: int) -> int:
    value = options.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise StartError(
            f"host.json: {where}.{key} must be a whole number from {least} to {most}, not {value!r}."
        )
    return value


def _request_limit(http: dict[str, Any], key: str) -> int | None:
    """-1 stands for no limit, which is the default outside the consumption plans."""
    limit = _integer(http, "extensions.http", key, -1, -1, 1_000_000)
    if limit == 0:
        raise StartError(f"host.json: extensions.http.{key} must be -1 or at least 1.")
    return None if limit == -1 else limit


def _text(options: dict[str, Any], where: str, key: str, default: str) -> str:
    value = options.get(key, default)
    if not isinstance(value, str):
        raise StartError(f"host.json: {where}.{key} must be a text.")
    return value


def _span_seconds(value: object, where: str) -> float:
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise StartError(f"host.json: {where} must be a time span like 00:01:00, not {value!r}.")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


def _timeout_seconds(top: dict[str, Any]) -> float | None:
    value = top.get("functionTimeout", "00:30:00")
    return None if value in {"-1", "-00:00:00.0010000"} else _span_seconds(value, "functionTimeout")


def _log_level(top: dict[str, Any]) -> str:
    logging_section = top.get("logging", {})
    levels = logging_section.get("logLevel", {}) if isinstance(logging_section, dict) else {}
    level = levels.get("default", "Information") if isinstance(levels, dict) else levels
    known = ("Trace", "Debug", "Information", "Warning", "Error", "Critical", "None")
    if level not in known:
        raise StartError(f"host.json: logging.logLevel.default must be one of {', '.join(known)}.")
    return str(level)
