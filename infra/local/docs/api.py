"""The tables of docs/api.md: every endpoint, who may call it, and a request of each, from the declarations."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from functions import declared_endpoints
from functions.edge.endpoint import ANYONE, Endpoint
from functions.edge.openapi import paths_of
from infra.local.docs.tables import codes, markdown_table
from shared.security.matrix import PERMISSIONS
from shared.security.model import Role

# Of every endpoint, or of every one that needs a token; they are told once, above the table.
EVERYWHERE = frozenset(
    {
        "AUTH_FORBIDDEN",
        "AUTH_ISSUER_UNAVAILABLE",
        "AUTH_TOKEN_INVALID",
        "AUTH_TOKEN_MISSING",
        "BODY_TOO_LARGE",
        "C1-LOG-002",
        "C1-SYS-001",
        "HEADERS_TOO_LARGE",
        "RATE_LIMITED",
        "RATE_LIMIT_UNAVAILABLE",
        "REQUEST_INVALID",
    }
)
BASE = "http://127.0.0.1:7071/api"


def everywhere_list() -> str:
    """The codes any endpoint may answer with."""
    return codes(sorted(EVERYWHERE))


def endpoints_table() -> str:
    """Every endpoint with its permission, its rate class and the codes of its own."""
    rows = [
        (
            f"`{', '.join(each.methods)} /api/{each.route}`",
            each.summary,
            f"`{each.permission}`",
            each.rate_class,
            _headers(each),
            codes(code for code in each.problem_codes if code not in EVERYWHERE),
        )
        for each in _endpoints()
    ]
    return markdown_table(
        ("endpoint", "what for", "permission", "rate class", "headers", "codes of its own"), rows
    )


def matrix_table() -> str:
    """Role × endpoint."""
    rows = [
        (
            f"`{', '.join(each.methods)} /api/{each.route}`",
            *("✓" if _may(each, role) else "" for role in Role),
        )
        for each in _endpoints()
    ]
    return markdown_table(("endpoint", *(f"`{role}`" for role in Role)), rows)


def examples_list() -> str:
    """A request of each endpoint, as one would type it."""
    parts = [f"### {each.summary}\n\n```bash\n{_example(each)}\n```" for each in _endpoints()]
    return "\n\n".join(parts)


def _endpoints() -> list[Endpoint]:
    return sorted(declared_endpoints(), key=lambda each: (each.route, each.methods))


def _may(endpoint: Endpoint, role: Role) -> bool:
    return endpoint.permission == ANYONE or endpoint.permission in PERMISSIONS[role]


def _headers(endpoint: Endpoint) -> str:
    told = (("Idempotency-Key", endpoint.idempotency), ("If-Match", endpoint.if_match))
    return ", ".join(f"`{name}` {need}" for name, need in told if need != "none")


def _example(endpoint: Endpoint) -> str:
    path, names = next((path, names) for path, names, whole in paths_of(endpoint) if whole)
    for name in names:
        path = path.replace(f"{{{name}}}", name.upper())
    return " \\\n  ".join(_words(endpoint, path))


def _words(endpoint: Endpoint, path: str) -> Iterator[str]:
    method = endpoint.methods[0]
    yield f"curl -sS {'' if method == 'GET' else f'-X {method} '}{BASE}{path}"
    if endpoint.permission != ANYONE:
        yield '-H "Authorization: Bearer $TOKEN"'
    if endpoint.idempotency != "none":
        yield '-H "Idempotency-Key: $(uuidgen)"'
    if endpoint.if_match != "none":
        yield "-H 'If-Match: \"1\"'"
    if endpoint.request is not None:
        yield "-H 'Content-Type: application/json'"
        yield f"-d '{json.dumps(_body(endpoint.request))}'"


def _body(model: type[msgspec.Struct]) -> dict[str, Any]:
    """The fields that are needed, each with the plainest value its schema takes."""
    schema = msgspec.json.schema(model)
    own = schema["$defs"][model.__name__]
    needed = own.get("required", [])
    return {name: _value(name, own["properties"][name], schema["$defs"]) for name in needed}


def _value(name: str, schema: dict[str, Any], parts: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _value(name, parts[schema["$ref"].rpartition("/")[2]], parts)
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _value(name, schema["anyOf"][0], parts)
    plain: dict[str, Any] = {"integer": schema.get("minimum", 1), "number": 1.0, "boolean": True}
    if schema.get("type") == "object":
        inner = schema.get("properties", {})
        return {each: _value(each, inner[each], parts) for each in schema.get("required", [])}
    if schema.get("type") == "array":
        return [_value(name, schema["items"], parts)] if schema.get("items") else []
    return plain.get(schema.get("type", ""), "2026-12-31T00:00:00Z" if schema.get("format") else name.upper())
