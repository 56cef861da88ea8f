"""The ingestion endpoints of Application Insights, for the real exporter to talk to."""

from collections.abc import Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.sinks.bodies import BodyRefusedError, parse_items, read_body
from infra.local.sinks.store import ReceivedStore

INSTRUMENTATION_KEY = "00000000-0000-0000-0000-000000000001"
TRACK_PATHS = ("v2/track", "v2.1/track")
LIVE_METRICS_PREFIX = "QuickPulseService.svc/"
# The live metrics stream asks whether somebody is watching: nobody is.
NOBODY_WATCHES = {"x-ms-qps-subscribed": "false"}


def connection_string(url: str) -> str:
    """What the exporter's connection setting has to be, so that it sends here."""
    return f"InstrumentationKey={INSTRUMENTATION_KEY};IngestionEndpoint={url}/;LiveEndpoint={url}/"


def insights_app(store: ReceivedStore) -> Starlette:
    async def track(request: Request) -> Response:
        try:
            envelopes = parse_items(await read_body(request))
        except BodyRefusedError as refusal:
            error = {"index": 0, "statusCode": refusal.status, "message": str(refusal)}
            return JSONResponse({"itemsReceived": 0, "itemsAccepted": 0, "errors": [error]}, refusal.status)
        for envelope in envelopes:
            store.append("insights", describe_envelope(envelope))
        accepted = {"itemsReceived": len(envelopes), "itemsAccepted": len(envelopes), "errors": []}
        return JSONResponse(accepted)

    async def receive(request: Request) -> Response:
        # The exporter writes two slashes after an address that ends in one.
        path = str(request.path_params["path"]).strip("/")
        if path in TRACK_PATHS:
            return await track(request)
        if path.startswith(LIVE_METRICS_PREFIX):
            return Response(headers=NOBODY_WATCHES)
        return JSONResponse({"error": f"there is nothing at /{path}"}, 404)

    return Starlette(routes=[Route("/{path:path}", receive, methods=["POST"])])


def describe_envelope(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Kind and name first, then the envelope as it came."""
    data = _mapping(envelope.get("data"))
    base = _mapping(data.get("baseData"))
    return {
        "type": str(data.get("baseType") or envelope.get("name") or "unknown"),
        "name": _name(base),
        "envelope": dict(envelope),
    }


def _name(base: Mapping[str, Any]) -> str:
    for field in ("name", "message"):
        if base.get(field):
            return str(base[field])
    for field in ("metrics", "exceptions"):
        items = base.get(field)
        first = _mapping(items[0]) if isinstance(items, list) and items else {}
        if first:
            return str(first.get("name") or first.get("message") or first.get("typeName") or "")
    return ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
