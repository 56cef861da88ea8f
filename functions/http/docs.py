"""The description of this API, for programs and, in a viewer, for people; for anyone, it holds no data.

The viewer is Swagger UI 5.35.0 as published, its licence beside it in functions/http/viewer; nothing is loaded from
elsewhere.
"""

from pathlib import Path

import azure.functions as func

from functions.edge.endpoint import ANYONE, Answer, Endpoint, Request
from functions.edge.http import build_blueprint
from functions.edge.openapi import openapi_document
from shared.errors.request import FieldProblem, RequestInvalid
from shared.runtime import Runtime

VIEWER = Path(__file__).parent / "viewer"
HTML = "text/html"
PAGE = "index.html"
MEDIA_TYPES = {
    PAGE: HTML,
    "start.js": "text/javascript",
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
CACHED = {"Cache-Control": "public, max-age=3600"}
# Scripts and styles of this origin only; the viewer draws a few pictures from its style sheet.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def _document(_runtime: Runtime, _request: Request) -> Answer:
    from functions import declared_endpoints

    return Answer(openapi_document(declared_endpoints()), headers=CACHED)


def _viewer(_runtime: Runtime, request: Request) -> Answer:
    asset = request.path.get("asset") or PAGE
    media_type = MEDIA_TYPES.get(asset)
    if media_type is None:
        raise RequestInvalid(FieldProblem("asset", f"must be one of {', '.join(MEDIA_TYPES)}"))
    policy = {"Content-Security-Policy": POLICY} if media_type == HTML else {}
    return Answer((VIEWER / asset).read_bytes(), media_type=media_type, headers={**CACHED, **policy})


ENDPOINTS = (
    Endpoint(
        name="http_openapi",
        summary="This description, as OpenAPI 3.1.",
        route="openapi.json",
        methods=("GET",),
        permission=ANYONE,
        rate_class="public",
        query=None,
        response=dict,
        answers=frozenset({200}),
        handle=_document,
    ),
    Endpoint(
        name="http_docs",
        summary="A viewer for this description.",
        route="docs/{asset?}",
        methods=("GET",),
        permission=ANYONE,
        rate_class="public",
        query=None,
        media_type=HTML,
        answers=frozenset({200}),
        errors=("REQUEST_INVALID",),
        handle=_viewer,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the API's description."""
    return build_blueprint(runtime, ENDPOINTS)
