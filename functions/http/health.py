"""Health over HTTP, for anyone: only ok or not ok."""

import azure.functions as func

from functions.edge.endpoint import ANYONE, Answer, Endpoint, Request
from functions.edge.http import build_blueprint
from shared.database.readiness import is_ready
from shared.runtime import Runtime

OK = Answer({"status": "ok"})
NOT_OK = Answer({"status": "not ok"}, status=503)


def _live(_runtime: Runtime, _request: Request) -> Answer:
    """The process answers; nothing else is asked."""
    return OK


def _ready(runtime: Runtime, _request: Request) -> Answer:
    return OK if is_ready(runtime.database) else NOT_OK


ENDPOINTS = (
    Endpoint(
        name="http_health_live",
        route="health/live",
        methods=("GET",),
        permission=ANYONE,
        rate_class="public",
        query=None,
        answers=frozenset({200}),
        handle=_live,
    ),
    Endpoint(
        name="http_health_ready",
        route="health/ready",
        methods=("GET",),
        permission=ANYONE,
        rate_class="public",
        query=None,
        answers=frozenset({200, 503}),
        handle=_ready,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the health endpoints."""
    return build_blueprint(runtime, ENDPOINTS)
