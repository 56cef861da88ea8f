"""HTTP requests as the worker hands them to a function, and the endpoints by name."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import azure.functions as func
import psycopg

from functions import declared_endpoints
from functions.edge.endpoint import Endpoint
from functions.edge.http import serve
from shared.runtime import Runtime
from tests.support.callers import seed_grant, seed_principal
from tests.support.runtime import BASE_SETTINGS, HeldKeys
from tests.support.tokens import SigningKey, rsa_key, token

ENDPOINTS: dict[str, Endpoint] = {endpoint.name: endpoint for endpoint in declared_endpoints()}


def hold_key(runtime: Runtime, key: SigningKey | None = None) -> None:
    """Let the runtime accept tokens of that key."""
    held = runtime.token_keys
    assert isinstance(held, HeldKeys)
    key = key or rsa_key()
    held.keys[key.key_id] = key.public()


def known_as(runtime: Runtime, role: str = "viewer", *sites: str) -> str:
    """The Authorization header of a principal with that role on these sites, none named are all of them."""
    hold_key(runtime)
    name = "-".join((f"test-{role}", *sites)).lower()
    with runtime.database.transaction() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        found = raw.execute("SELECT 1 FROM principals WHERE principal_id = %s", (name,)).fetchone()
        if not found:
            seed_principal(raw, name, issuer=BASE_SETTINGS["OIDC_ISSUER"], subject=name)
            for site in sites or (None,):
                seed_grant(raw, name, role, site)
    return f"Bearer {token(sub=name, roles=[role])}"


def ask(runtime: Runtime, name: str, query: str = "", **path: str) -> func.HttpResponse:
    """Call an endpoint as a viewer; `query` is the raw query string, `path` the decoded route parameters."""
    return send(runtime, name, {"Authorization": known_as(runtime)}, query, path)


def send(
    runtime: Runtime,
    name: str,
    headers: Mapping[str, str] | None = None,
    query: str = "",
    path: Mapping[str, str] | None = None,
    body: object = None,
) -> func.HttpResponse:
    """Call an endpoint with these headers and no others; a body that is no bytes is sent as JSON."""
    endpoint = ENDPOINTS[name]
    address = f"http://127.0.0.1/api/{'/'.join((path or {}).values())}"
    return serve(runtime, endpoint, http_request(endpoint.methods[0], address, headers, query, path, body))


def http_request(
    method: str,
    address: str,
    headers: Mapping[str, str] | None = None,
    query: str = "",
    path: Mapping[str, str] | None = None,
    body: object = None,
) -> func.HttpRequest:
    """A request as the worker decodes it."""
    kind = {} if body is None or isinstance(body, bytes) else {"Content-Type": "application/json"}
    return func.HttpRequest(
        method,
        f"{address}?{query}" if query else address,
        headers={**kind, **(headers or {})},
        # The host drops blank values and joins repeated ones, so its own view of the query is not to be relied on.
        params=dict(parse_qsl(query, errors="replace")),
        route_params=path,
        body=body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode(),
    )


def body_of(response: func.HttpResponse) -> Any:
    return json.loads(response.get_body())


def fields_of(response: func.HttpResponse) -> list[str]:
    """The fields a 422 names."""
    assert response.status_code == 422, response.get_body()
    return [problem["field"] for problem in body_of(response)["errors"]]
