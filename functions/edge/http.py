"""The HTTP edge: the same steps around every endpoint, in the same order.

correlation id → sizes → address limit → authenticate → principal limit → permission → parse → use case → encode; an
error on the way becomes a problem, and a refusal leaves a record.
"""

import logging
from collections.abc import Iterable

import azure.functions as func
import msgspec

from functions.edge.admit import admit, parse
from functions.edge.conditions import etag
from functions.edge.endpoint import JSON, Answer, Endpoint
from functions.edge.problems import CONTENT_TYPE, problem_headers, problem_of
from functions.edge.refused import record_refused
from functions.edge.visit import Visit, visit_of
from shared.errors.base import CounterfoilError
from shared.errors.catalog import entry_of
from shared.errors.request import UnexpectedFailure
from shared.runtime import Runtime

SAFETY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
TRANSPORT_HEADERS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
_LOG = logging.getLogger("counterfoil.http")


def build_blueprint(runtime: Runtime, endpoints: Iterable[Endpoint]) -> func.Blueprint:
    """A blueprint with one HTTP function per endpoint, all behind this edge and not behind the host's keys."""
    blueprint = func.Blueprint()
    for endpoint in endpoints:
        _register(blueprint, runtime, endpoint)
    return blueprint


def _register(blueprint: func.Blueprint, runtime: Runtime, endpoint: Endpoint) -> None:
    if not endpoint.permission:
        raise ValueError(f"{endpoint.name} has no permission")

    @blueprint.function_name(endpoint.name)
    @blueprint.route(endpoint.route, methods=endpoint.methods, auth_level=func.AuthLevel.ANONYMOUS)
    def _handle(req: func.HttpRequest) -> func.HttpResponse:
        return serve(runtime, endpoint, req)


def serve(runtime: Runtime, endpoint: Endpoint, http: func.HttpRequest) -> func.HttpResponse:
    """Answer one request; whatever fails on the way becomes a problem."""
    visit = visit_of(runtime, endpoint, http)
    try:
        admit(visit)
        response = _respond(visit, endpoint.handle(runtime, parse(visit)))
    except CounterfoilError as error:
        response = _refuse(visit, error)
    except Exception as error:  # noqa: BLE001 - the last boundary: whatever it is, the caller gets a problem
        _LOG.exception("request %s failed in %s", visit.correlation.id, endpoint.name)
        response = _refuse(visit, UnexpectedFailure(type(error).__name__))
    _measure(visit, response.status_code)
    return response


def _respond(visit: Visit, answer: Answer) -> func.HttpResponse:
    version = {} if answer.version is None else {"ETag": etag(answer.version)}
    return func.HttpResponse(
        _encoded(answer),
        status_code=answer.status,
        mimetype=answer.media_type,
        headers={**_headers(visit), **version, **answer.headers},
    )


def _encoded(answer: Answer) -> bytes:
    """JSON, or the bytes of another media type as they are."""
    if answer.media_type != JSON:
        assert isinstance(answer.body, bytes), "only JSON is encoded here"
        return answer.body
    return msgspec.json.encode(answer.body)


def _refuse(visit: Visit, error: CounterfoilError) -> func.HttpResponse:
    entry = entry_of(error.code)
    if entry.http_status >= 500:
        _LOG.error("request %s: %s %s", visit.correlation.id, entry.code, error.detail)
    if entry.http_status in (401, 403):
        visit.runtime.telemetry.metric("auth_failures", 1, code=entry.code)
    record_refused(visit, error)
    caller = visit.context.caller if visit.context else None
    return func.HttpResponse(
        msgspec.json.encode(problem_of(error, visit.correlation.id, caller)),
        status_code=entry.http_status,
        mimetype=CONTENT_TYPE,
        headers={**_headers(visit), **problem_headers(error)},
    )


def _headers(visit: Visit) -> dict[str, str]:
    transport = {} if visit.runtime.settings.app_env == "local" else TRANSPORT_HEADERS
    return {**SAFETY_HEADERS, **transport, **visit.correlation.headers(), **visit.rates.headers}


def _measure(visit: Visit, status: int) -> None:
    telemetry, endpoint = visit.runtime.telemetry, visit.endpoint
    telemetry.metric("request_seconds", visit.seconds, route=endpoint.route, status=str(status))
    telemetry.event("request", function=endpoint.name, status=status, correlation_id=visit.correlation.id)
