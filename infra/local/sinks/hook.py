"""A web hook that says yes to everything and remembers it."""

import json
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from infra.local.sinks.bodies import BodyRefusedError, read_body
from infra.local.sinks.store import ReceivedStore

# A credential sent by mistake must not lie in a file.
HIDDEN_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


def hook_app(store: ReceivedStore) -> Starlette:
    async def receive(request: Request) -> Response:
        try:
            body = await read_body(request)
        except BodyRefusedError as refusal:
            return PlainTextResponse(str(refusal), refusal.status)
        headers = {
            name: "(hidden)" if name in HIDDEN_HEADERS else value for name, value in request.headers.items()
        }
        store.append(
            "hook",
            {"method": request.method, "path": request.url.path, "headers": headers, "body": _readable(body)},
        )
        return PlainTextResponse("ok")

    return Starlette(routes=[Route("/{path:path}", receive, methods=["POST", "PUT"])])


def _readable(body: bytes) -> Any:
    text = body.decode(errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return text
