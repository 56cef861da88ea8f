"""HTTP requests as the worker hands them to a function, and the endpoints by name."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import azure.functions as func

from functions.edge.endpoint import Endpoint
from functions.edge.http import serve
from functions.http import health, payment_orders, tx, wallets
from shared.runtime import Runtime
from tests.support.runtime import HeldKeys
from tests.support.tokens import SigningKey, rsa_key, token

ENDPOINTS: dict[str, Endpoint] = {
    endpoint.name: endpoint
    for module in (tx, payment_orders, wallets, health)
    for endpoint in module.ENDPOINTS
}


def hold_key(runtime: Runtime, key: SigningKey | None = None) -> None:
    """Let the runtime accept tokens of that key."""
    held = runtime.token_keys
    assert isinstance(held, HeldKeys)
    key = key or rsa_key()
    held.keys[key.key_id] = key.public()


def ask(runtime: Runtime, name: str, query: str = "", **path: str) -> func.HttpResponse:
    """Call an endpoint as a viewer; `query` is the raw query string, `path` the decoded route parameters."""
    hold_key(runtime)
    return send(runtime, name, {"Authorization": f"Bearer {token()}"}, query, path)


def send(
    runtime: Runtime,
    name: str,
    headers: Mapping[str, str] | None = None,
    query: str = "",
    path: Mapping[str, str] | None = None,
) -> func.HttpResponse:
    """Call an endpoint with these headers and no others."""
    address = f"http://127.0.0.1/api/{'/'.join((path or {}).values())}"
    request = func.HttpRequest(
        "GET",
        f"{address}?{query}" if query else address,
        headers=headers,
        # The host drops blank values and joins repeated ones, so its own view of the query is not to be relied on.
        params=dict(parse_qsl(query, errors="replace")),
        route_params=path,
        body=b"",
    )
    return serve(runtime, ENDPOINTS[name], request)


def body_of(response: func.HttpResponse) -> Any:
    return json.loads(response.get_body())


def fields_of(response: func.HttpResponse) -> list[str]:
    """The fields a 422 names."""
    assert response.status_code == 422, response.get_body()
    return [problem["field"] for problem in body_of(response)["errors"]]
