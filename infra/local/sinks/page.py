"""The page on which one sees what was received, and the same as JSON."""

import json
from html import escape
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from infra.local.sinks.store import KINDS, Kind, ReceivedStore

PAGE_RECORDS = 50
SUMMARY_CHARACTERS = 160
TITLES = {"mail": "Mail", "hook": "Web hook", "insights": "Application Insights"}
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
STYLE = (
    "body{font:15px system-ui,sans-serif;margin:2rem;max-width:70rem}nav a{margin-right:1.5rem}"
    "details{border-top:1px solid #ccc;padding:.5rem 0}pre{white-space:pre-wrap;overflow-wrap:anywhere}"
    "time{color:#555;margin-right:1rem}"
)


def page_app(store: ReceivedStore) -> Starlette:
    async def received(request: Request) -> Response:
        query = request.query_params
        kind, limit, after = query.get("kind", ""), query.get("limit", "50"), query.get("after", "0")
        if kind not in KINDS or not limit.isdecimal() or not after.isdecimal():
            expected = f"kind must be one of {', '.join(KINDS)}; limit and after are whole numbers"
            return JSONResponse({"error": expected}, 400)
        return JSONResponse({"items": store.read(kind, int(limit), int(after))}, headers=SECURITY_HEADERS)

    async def counts(_: Request) -> Response:
        return JSONResponse(store.counts(), headers=SECURITY_HEADERS)

    async def page(request: Request) -> Response:
        kind = request.query_params.get("kind", "mail")
        shown: Kind = kind if kind in KINDS else "mail"
        return HTMLResponse(_render(shown, store), headers=SECURITY_HEADERS)

    routes = [Route("/", page), Route("/received", received), Route("/counts", counts)]
    guard = Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])
    return Starlette(routes=routes, middleware=[guard])


def _render(kind: Kind, store: ReceivedStore) -> str:
    counts = store.counts()
    links = "".join(f'<a href="/?kind={name}">{TITLES[name]} ({counts[name]})</a>' for name in KINDS)
    records = reversed(store.read(kind, PAGE_RECORDS))
    rows = "".join(_render_record(kind, record) for record in records) or "<p>Nothing yet.</p>"
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="10">'
        f"<title>Received: {TITLES[kind]}</title><style>{STYLE}</style>"
        f"<h1>Received on this machine</h1><nav>{links}</nav><main>{rows}</main></html>"
    )


def _render_record(kind: Kind, record: dict[str, Any]) -> str:
    whole = escape(json.dumps(record, indent=2, ensure_ascii=False))
    summary = escape(_summary(kind, record)[:SUMMARY_CHARACTERS])
    when = escape(str(record["received_at"])[:19])
    return f"<details><summary><time>{when}</time>{summary}</summary><pre>{whole}</pre></details>"


def _summary(kind: Kind, record: dict[str, Any]) -> str:
    if kind == "mail":
        return f"{', '.join(record.get('to', []))}: {record.get('subject', '')}"
    if kind == "hook":
        return f"{record.get('method')} {record.get('path')} {json.dumps(record.get('body'), ensure_ascii=False)}"
    return f"{record.get('type')} {record.get('name')}"
