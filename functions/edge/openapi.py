"""OpenAPI 3.1 from the declarations of the endpoints; nothing in it is written a second time."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from functions.edge.endpoint import ANYONE, JSON, Endpoint
from functions.edge.parameters import PARAMETERS
from functions.edge.problems import CONTENT_TYPE
from shared.errors.catalog import entry_of

API_VERSION = "1"
DESCRIPTION = (
    "The back office for payment operations. A gateway may offer these paths under another prefix, for example "
    "/admin/* for /api/*: paths here begin after the prefix. Every answer carries X-Correlation-ID; every refusal "
    "is a problem (RFC 9457) whose code is listed with its status."
)
_REF = "#/components/schemas/{name}"
_SEGMENT = re.compile(r"\{(\w+)(?::[^}?]*)?(\?)?\}")
_STATUS_WORDS = {
    200: "The answer.",
    201: "Made.",
    202: "Taken; it goes on.",
    204: "Done; there is nothing to say.",
}
_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 0}


class ProblemField(msgspec.Struct):
    """What is wrong with one field of a request and what to send instead."""

    field: str
    message: str


class Problem(msgspec.Struct):
    """A refusal. The last three are there for callers who may read operator detail."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    correlation_id: str
    errors: list[ProblemField] | msgspec.UnsetType = msgspec.UNSET
    operator_detail: str | msgspec.UnsetType = msgspec.UNSET
    action_guide: str | msgspec.UnsetType = msgspec.UNSET
    runbook: str | msgspec.UnsetType = msgspec.UNSET


@lru_cache(maxsize=1)
def openapi_document(endpoints: tuple[Endpoint, ...]) -> dict[str, Any]:
    """The whole document."""
    models = list(dict.fromkeys([Problem, *_models(endpoints)]))
    schemas, components = msgspec.json.schema_components(models, ref_template=_REF)
    of_model = dict(zip(models, schemas, strict=True))
    paths: dict[str, Any] = {}
    for endpoint in endpoints:
        for path, names, whole in paths_of(endpoint):
            for method in endpoint.methods:
                operation = _operation(endpoint, names, whole, of_model)
                if len(endpoint.methods) > 1:
                    operation["operationId"] += f"_{method.lower()}"
                paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Counterfoil", "version": API_VERSION, "description": DESCRIPTION},
        "servers": [{"url": "."}],
        "tags": [{"name": name} for name in sorted({_tag(each) for each in endpoints})],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted(components.items())),
            "headers": _HEADERS,
            "securitySchemes": {"bearer": _BEARER},
        },
    }


def paths_of(endpoint: Endpoint) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """A path for each way to write the route: with its optional segment and without; the names in it, and which."""
    parts = endpoint.route.split("/")
    optional = any(found[2] for part in parts for found in _SEGMENT.finditer(part))
    for whole in (False, True) if optional else (True,):
        kept = [part for part in parts if whole or not part.endswith("?}")]
        names = tuple(found[1] for part in kept for found in _SEGMENT.finditer(part))
        yield "/" + "/".join(_SEGMENT.sub(r"{\1}", part) for part in kept), names, whole


def _models(endpoints: Iterable[Endpoint]) -> Iterator[Any]:
    for each in endpoints:
        yield from (model for model in (each.request, each.response) if model is not None)


def _tag(endpoint: Endpoint) -> str:
    return endpoint.route.split("/")[0].removesuffix(".json")


def _operation(
    endpoint: Endpoint, names: tuple[str, ...], whole: bool, of_model: Mapping[Any, Any]
) -> dict[str, Any]:
    optional = "?}" in endpoint.route
    described: dict[str, Any] = {
        "operationId": endpoint.name if not optional or not whole else f"{endpoint.name}_by_path",
        "summary": endpoint.summary,
        "tags": [_tag(endpoint)],
        "security": [] if endpoint.permission == ANYONE else [{"bearer": []}],
        "parameters": [*_in_path(names), *_in_query(endpoint, whole), *_in_headers(endpoint)],
        "responses": _responses(endpoint, of_model),
        "x-permission": str(endpoint.permission),
        "x-rate-class": endpoint.rate_class,
    }
    if endpoint.request is not None:
        content = {JSON: {"schema": of_model[endpoint.request]}}
        described["requestBody"] = {"required": True, "content": content}
    if endpoint.audit is not None:
        described["x-audit-action"] = str(endpoint.audit)
    return described


def _in_path(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "maxLength": 200}
    for name in names:
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(endpoint: Endpoint, whole: bool) -> Iterator[dict[str, Any]]:
    """`id` stands in for an optional segment: needed where that is left out, refused beside it."""
    optional = "?}" in endpoint.route
    for name in endpoint.query or ():
        if name == "id" and optional and whole:
            continue
        known = PARAMETERS.get(name)
        yield {
            "name": name,
            "in": "query",
            "required": name == "id" and optional,
            "schema": _schema(endpoint, name),
            "description": known.description if known else name,
        }


def _schema(endpoint: Endpoint, name: str) -> Mapping[str, Any]:
    """A parameter's schema; how many rows a page may have is the endpoint's own to say."""
    known = PARAMETERS.get(name)
    schema = known.schema if known else _TEXT
    return {**schema, "maximum": endpoint.limit_max} if name == "limit" else schema


def _in_headers(endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    yield _header("X-Correlation-ID", False, "An id of yours for this request; it is told back.", _ID)
    if endpoint.idempotency != "none":
        words = "The same key and body give the first answer again, for 24 hours."
        yield _header("Idempotency-Key", endpoint.idempotency == "required", words, _ID)
    if endpoint.if_match != "none":
        yield _header(
            "If-Match", endpoint.if_match == "required", "The version you read, in quotes, or *.", _TEXT
        )


_ID = {"type": "string", "pattern": "^[A-Za-z0-9._~:@-]{1,128}$"}


def _header(name: str, required: bool, words: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": required, "description": words, "schema": schema}


def _responses(endpoint: Endpoint, of_model: Mapping[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    by_status: dict[int, list[str]] = {}
    for code in endpoint.problem_codes:
        by_status.setdefault(entry_of(code).http_status, []).append(code)
    for status in sorted(endpoint.statuses):
        content: dict[str, Any] = {}
        if status in endpoint.answers and status != 204:
            content[endpoint.media_type] = {"schema": of_model.get(endpoint.response, {})}
        if status in by_status:
            content[CONTENT_TYPE] = {"schema": of_model[Problem]}
        found[str(status)] = {
            "description": _words(status, by_status.get(status, [])),
            "headers": {
                name: {"$ref": f"#/components/headers/{name}"} for name in _headers(endpoint, status)
            },
            **({"content": content} if content else {}),
        }
    return found


def _words(status: int, codes: Iterable[str]) -> str:
    told = [f"`{code}`: {entry_of(code).title}." for code in codes]
    return " ".join(told) or _STATUS_WORDS.get(status, "The answer.")


def _headers(endpoint: Endpoint, status: int) -> Iterator[str]:
    yield "X-Correlation-ID"
    yield from ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    if status == 401:
        yield "WWW-Authenticate"
    if status in (429, 503):
        yield "Retry-After"
    if status < 300 and endpoint.idempotency != "none":
        yield "Idempotency-Replayed"
    if status < 300 and endpoint.if_match != "none":
        yield "ETag"


_HEADERS: dict[str, Any] = {
    "X-Correlation-ID": {"description": "The id of this request in log and record.", "schema": _TEXT},
    "RateLimit-Limit": {"description": "Requests of this class in 60 seconds.", "schema": _WHOLE},
    "RateLimit-Remaining": {"description": "How many of them are left.", "schema": _WHOLE},
    "RateLimit-Reset": {"description": "Seconds until one more is free.", "schema": _WHOLE},
    "Retry-After": {"description": "Seconds to wait.", "schema": _WHOLE},
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": _TEXT},
    "Idempotency-Replayed": {"description": "`true` when this is the first answer again.", "schema": _TEXT},
    "ETag": {"description": "The version of what was answered.", "schema": _TEXT},
}
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "An access token of the configured issuer, or a Counterfoil token (`cf_…`).",
}
