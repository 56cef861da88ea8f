"""What the platform's host puts on the wire: event batches with their metadata, timers, HTTP requests."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from infra.local.host.messages import TypedData
from infra.local.host.worker import Retry
from tests.functions.app_process import Invocation

BASE_URL = "http://127.0.0.1:7071/api"
GROUP = "counterfoil"


@dataclass(frozen=True)
class Delivered:
    """One event as a hub holds it; `enqueued` is what stands in the metadata, UTC without a zone mark."""

    body: bytes
    number: int
    enqueued: str = "2026-11-23T11:59:58.25"
    key: str | None = None
    properties: Mapping[str, Any] | None = field(default_factory=dict)

    @property
    def offset(self) -> str:
        return str(4_294_967_296 + self.number * 512)


def body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def event_batch(
    function: str, hub: str, events: Sequence[Delivered], partition: str = "0", retry: Retry | None = None
) -> Invocation:
    """A batch for a trigger of cardinality many and data type binary.

    Events without a partition key are left out of PartitionKeyArray, so that array is not aligned with the others.
    """
    place = {
        "FullyQualifiedNamespace": "127.0.0.1",
        "EventHubName": hub,
        "ConsumerGroup": GROUP,
        "PartitionId": partition,
        "IsCheckpointingAfterInvocation": True,
    }
    system = [
        {"SequenceNumber": e.number, "Offset": e.offset, "PartitionKey": e.key, "EnqueuedTimeUtc": e.enqueued}
        for e in events
    ]
    keys, offsets = [e.key for e in events if e.key], [e.offset for e in events]
    metadata = {
        "PartitionContext": _json(place),
        "PartitionKeyArray": TypedData(collection_string=SimpleNamespace(string=keys)),
        "OffsetArray": TypedData(collection_string=SimpleNamespace(string=offsets)),
        "SequenceNumberArray": TypedData(
            collection_sint64=SimpleNamespace(sint64=[e.number for e in events])
        ),
        "EnqueuedTimeUtcArray": _json([e.enqueued for e in events]),
        "PropertiesArray": _json([e.properties for e in events]),
        "SystemPropertiesArray": _json(system),
    }
    bodies = TypedData(collection_bytes=SimpleNamespace(bytes=[e.body for e in events]))
    return Invocation(function, {"events": bodies}, metadata, retry or Retry(0, -1))


def timer(function: str, *, past_due: bool = False) -> Invocation:
    status = {
        "Last": "2026-11-23T11:59:00+00:00",
        "Next": "2026-11-23T12:00:00+00:00",
        "LastUpdated": "2026-11-23T11:59:00+00:00",
    }
    run = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": status, "IsPastDue": past_due}
    return Invocation(function, {"timer": _json(run)})


def get(
    function: str, path: str, route: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> Invocation:
    """A GET; `route` is what the host read from the path. Blank parameters are missing in the host's query."""
    return _http("GET", function, path, route, headers, b"")


def post(function: str, path: str, sent: bytes, **headers: str) -> Invocation:
    """A POST of these bytes. A body without Content-Length does not arrive: the host leaves it out."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return _http("POST", function, path, None, {"content-type": "application/json", **named}, sent)


def _http(
    method: str,
    function: str,
    path: str,
    route: Mapping[str, str] | None,
    headers: Mapping[str, str] | None,
    sent: bytes,
) -> Invocation:
    url = f"{BASE_URL}/{path}"
    request = SimpleNamespace(
        method=method,
        url=url,
        headers={name.lower(): value for name, value in (headers or {}).items()},
        params=dict(route or {}),
        query=dict(parse_qsl(urlsplit(url).query)),
        body=TypedData(bytes=sent) if sent else TypedData(),
    )
    return Invocation(function, {"req": TypedData(http=request)})


def _json(value: object) -> TypedData:
    return TypedData(json=json.dumps(value, separators=(",", ":")))
