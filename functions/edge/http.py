"""The HTTP edge: the same steps around every endpoint, in the same order.

correlation id → authenticate → authorize → parse → use case → encode; an error on the way becomes a problem.
"""

import logging
import time
from collections.abc import Iterable

import azure.functions as func
import msgspec

from functions.edge.correlation import Correlation, correlation_of
from functions.edge.endpoint import ANYONE, Answer, Endpoint, Request
from functions.edge.problems import CONTENT_TYPE, problem_headers, problem_of
from functions.edge.query import read_query
from shared.errors.base import CounterfoilError
from shared.errors.catalog import entry_of
from shared.errors.request import UnexpectedFailure
from shared.runtime import Runtime
from shared.security.authenticate import authenticate
from shared.security.authorize import authorize
from shared.security.model import Principal

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
    @blueprint.function_name(endpoint.name)
    @blueprint.route(endpoint.route, methods=endpoint.methods, auth_level=func.AuthLevel.ANONYMOUS)
    def _handle(req: func.HttpRequest) -> func.HttpResponse:
        return serve(runtime, endpoint, req)


def serve(runtime: Runtime, endpoint: Endpoint, http: func.HttpRequest) -> func.HttpResponse:
    """Answer one request; whatever fails on the way becomes a problem."""
    started = time.perf_counter()
    correlation = correlation_of(http.headers, runtime.ids)
    try:
        response = _respond(runtime, correlation, _answer(runtime, endpoint, http, correlation))
    except CounterfoilError as error:
        response = _refuse(runtime, correlation, error)
    except Exception as error:  # noqa: BLE001 - the last boundary: whatever it is, the caller gets a problem
        _LOG.exception("request %s failed in %s", correlation.id, endpoint.name)
        response = _refuse(runtime, correlation, UnexpectedFailure(type(error).__name__))
    _record(runtime, endpoint, correlation, response.status_code, time.perf_counter() - started)
    return response


def _answer(runtime: Runtime, endpoint: Endpoint, http: func.HttpRequest, correlation: Correlation) -> Answer:
    principal = _admitted(runtime, endpoint, http)
    query = {} if endpoint.query is None else read_query(http, endpoint.query)
    return endpoint.handle(runtime, Request(http.route_params, query, principal, correlation.id))


def _admitted(runtime: Runtime, endpoint: Endpoint, http: func.HttpRequest) -> Principal | None:
    if endpoint.permission == ANYONE:
        return None
    principal = authenticate(runtime, http.headers.get("authorization"))
    authorize(principal, endpoint.permission)
    return principal


def _respond(runtime: Runtime, correlation: Correlation, answer: Answer) -> func.HttpResponse:
    return func.HttpResponse(
        msgspec.json.encode(answer.body),
        status_code=answer.status,
        mimetype="application/json",
        headers=_headers(runtime, correlation),
    )


def _refuse(runtime: Runtime, correlation: Correlation, error: CounterfoilError) -> func.HttpResponse:
    entry = entry_of(error.code)
    if entry.http_status >= 500:
        _LOG.error("request %s: %s %s", correlation.id, entry.code, error.detail)
    if entry.http_status in (401, 403):
        runtime.telemetry.metric("auth_failures", 1, code=entry.code)
    return func.HttpResponse(
        msgspec.json.encode(problem_of(error, correlation.id)),
        status_code=entry.http_status,
        mimetype=CONTENT_TYPE,
        headers={**_headers(runtime, correlation), **problem_headers(entry)},
    )


def _headers(runtime: Runtime, correlation: Correlation) -> dict[str, str]:
    transport = {} if runtime.settings.app_env == "local" else TRANSPORT_HEADERS
    return {**SAFETY_HEADERS, **transport, **correlation.headers()}


def _record(
    runtime: Runtime, endpoint: Endpoint, correlation: Correlation, status: int, seconds: float
) -> None:
    runtime.telemetry.metric("request_seconds", seconds, route=endpoint.route, status=str(status))
    runtime.telemetry.event("request", function=endpoint.name, status=status, correlation_id=correlation.id)
