"""Health over HTTP, for anyone: only ok or not ok."""

from typing import Literal

import azure.functions as func
import msgspec

from functions.edge.endpoint import ANYONE, Answer, Endpoint, Request
from functions.edge.http import build_blueprint
from shared.database.readiness import is_ready
from shared.runtime import Runtime


class Health(msgspec.Struct):
    """Whether all is well."""

    status: Literal["ok", "not ok"]


OK = Answer(Health("ok"))
NOT_OK = Answer(Health("not ok"), status=503)


def _live(_runtime: Runtime, _request: Request) -> Answer:
    """The process answers; nothing else is asked."""
    return OK


def _ready(runtime: Runtime, _request: Request) -> Answer:
    return OK if is_ready(runtime.database) else NOT_OK


ENDPOINTS = (
    Endpoint(
        name="http_health_live",
        summary="Whether the process answers.",
        route="health/live",
        methods=("GET",),
        permission=ANYONE,
        rate_class="public",
        query=None,
        response=Health,
        answers=frozenset({200}),
        handle=_live,
    ),
    Endpoint(
        name="http_health_ready",
        summary="Whether the process can reach its database.",
        route="health/ready",
        methods=("GET",),
        permission=ANYONE,
        rate_class="public",
        query=None,
        response=Health,
        answers=frozenset({200, 503}),
        handle=_ready,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the health endpoints."""
    return build_blueprint(runtime, ENDPOINTS)
