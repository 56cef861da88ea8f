"""HTTP requests as the worker is given them, and its answers as HTTP responses."""

import secrets
from types import SimpleNamespace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from infra.local.host.messages import TypedData

MAX_BODY_BYTES = 104_857_600
_BODYLESS = frozenset({204, 205, 304})
_SAME_SITE = {1: "lax", 2: "strict", 3: "none"}
_TRACE_PARENT_PARTS = 4


async def request_data(request: Request, parameters: dict[str, str]) -> TypedData:
    """The request in the worker's shape.

    The body is passed only when a Content-Length above 0 says there is one; of a repeated query name the
    last form counts, and names without a value are left out. The caller's address and port end X-Forwarded-For,
    where the platform's front end writes them.
    """
    headers: dict[str, str] = {}
    for name, value in [*request.headers.items(), *_forwarded_for(request)]:
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    body = await request.body() if declared_length(request) > 0 else None
    return TypedData(
        http=SimpleNamespace(
            method=request.method,
            url=request_url(request),
            headers=headers,
            params=parameters,
            query={name: value for name, value in request.query_params.items() if value},
            body=TypedData() if body is None else TypedData(bytes=body),
        )
    )


def _forwarded_for(request: Request) -> list[tuple[str, str]]:
    return [("x-forwarded-for", f"{request.client.host}:{request.client.port}")] if request.client else []


def request_path(request: Request) -> str:
    """The path as it was sent, percent-encoding included."""
    raw: bytes = request.scope["raw_path"]
    return raw.decode("ascii", "replace").partition("?")[0]


def request_url(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{request.url.scheme}://{request.url.netloc}{request_path(request)}{query}"


def declared_length(request: Request) -> int:
    length = request.headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0


def trace_parent(request: Request) -> str:
    """Continue the caller's trace with a new span; empty when the caller sent none."""
    parts = request.headers.get("traceparent", "").split("-")
    return f"00-{parts[1]}-{secrets.token_hex(8)}-{parts[3]}" if len(parts) == _TRACE_PARENT_PARTS else ""


def response(returned: TypedData | None) -> Response:
    """The function's answer: status, headers and bytes as it gave them. Raises ValueError for a bad status."""
    kind = returned.WhichOneof("data") if returned is not None else None
    if returned is None or kind is None:
        return Response(status_code=204)
    if kind != "http":
        return Response(str(getattr(returned, kind)), media_type="text/plain")
    answer = returned.http
    status = int(answer.status_code)
    content = b"" if status in _BODYLESS else getattr(answer.body, "bytes", b"")
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    result = Response(content, status_code=status, headers=headers)
    for cookie in answer.cookies or ():
        _set_cookie(result, cookie)
    return result


def _set_cookie(result: Response, cookie: Any) -> None:
    def plain(name: str) -> Any:
        return getattr(getattr(cookie, name), "value", None)

    max_age = plain("max_age")
    result.set_cookie(
        cookie.name,
        cookie.value,
        max_age=None if max_age is None else int(max_age),
        path=plain("path"),
        domain=plain("domain"),
        secure=bool(plain("secure")),
        httponly=bool(plain("http_only")),
        samesite=_SAME_SITE.get(cookie.same_site),  # type: ignore[arg-type]  # the table holds the three names
    )
