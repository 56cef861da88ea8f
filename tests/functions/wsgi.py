"""The app's endpoints behind a WSGI door, for tools that speak HTTP to a program: the edge in this very process."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import azure.functions as func

from functions import declared_endpoints
from functions.edge.endpoint import Endpoint
from functions.edge.http import serve
from infra.local.host.routes import Route
from shared.runtime import Runtime

NO_ROUTE = "X-No-Route"
PREFIX = "/api"
StartResponse = Callable[[str, list[tuple[str, str]]], object]


class EdgeApp:
    """Finds the endpoint of a path as the platform does; what no route takes is the platform's own 404."""

    def __init__(self, runtime: Runtime, endpoints: Sequence[Endpoint] = declared_endpoints()) -> None:
        self._runtime = runtime
        self._routes = [
            (Route.parse(each.name, each.route, frozenset(each.methods)), each)
            for each in sorted(endpoints, key=lambda endpoint: endpoint.name)
        ]

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path, _, query = str(environ["REQUEST_URI"]).partition("?")
        found = self._find(environ["REQUEST_METHOD"], path.removeprefix(PREFIX))
        if found is None:
            start_response("404 Not Found", [(NO_ROUTE, "1")])
            return [b""]
        endpoint, parameters = found
        response = serve(self._runtime, endpoint, _request(environ, query, parameters))
        headers = [
            (name, value) for name, value in response.headers.items() if name.lower() != "content-type"
        ]
        kind = f"{response.mimetype}; charset={response.charset}"
        start_response(f"{response.status_code} Answered", [*headers, ("Content-Type", kind)])
        return [response.get_body()]

    def _find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]] | None:
        for route, endpoint in self._routes:
            parameters = route.match(method, path)
            if parameters is not None:
                return endpoint, parameters
        return None


def _request(environ: Mapping[str, Any], query: str, parameters: Mapping[str, str]) -> func.HttpRequest:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_") or name == "CONTENT_TYPE"
    }
    return func.HttpRequest(
        environ["REQUEST_METHOD"],
        f"http://127.0.0.1{environ['REQUEST_URI']}",
        headers=headers,
        params=dict(parse_qsl(query, errors="replace")),
        route_params=parameters,
        body=environ["wsgi.input"].read(),
    )
