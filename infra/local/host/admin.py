"""The host's own endpoints: alive page, status, pumps, timers by hand and fault switches."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from infra.local.host.faults import Faults, UnknownFault
from infra.local.host.front import Front
from infra.local.host.keys import Keys
from infra.local.host.pumps import Pumps
from infra.local.host.timers import Timers
from infra.local.host.worker import Worker

Endpoint = Callable[[Request], Awaitable[Response]]
ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")


class Admin:
    """Every endpoint but the alive page and the ping asks for the master key, as on the platform."""

    def __init__(
        self, keys: Keys, worker: Worker, pumps: Pumps, timers: Timers, faults: Faults, *, faults_open: bool
    ) -> None:
        self._keys, self._worker, self._pumps, self._timers = keys, worker, pumps, timers
        self._faults, self._faults_open = faults, faults_open
        self._started_at = datetime.now(UTC)
        self._runs: set[asyncio.Task[None]] = set()

    def application(self, front: Front) -> Starlette:
        """The whole HTTP application: these endpoints first, the app's functions for every other path."""
        routes = [
            Route("/", self.alive, methods=["GET"]),
            Route("/admin/host/ping", self.ping, methods=["GET", "POST"]),
            Route("/admin/host/status", self._guarded(self.host_status), methods=["GET"]),
            Route("/admin/functions", self._guarded(self.functions), methods=["GET"]),
            Route("/admin/functions/{name}", self._guarded(self.run_timer), methods=["POST"]),
            Route("/admin/pumps", self._guarded(self.pumps), methods=["GET"]),
            Route("/admin/{rest:path}", self.unknown, methods=ALL_METHODS),
            Route("/runtime/{rest:path}", self.unknown, methods=ALL_METHODS),
            Route("/{rest:path}", front.__call__, methods=ALL_METHODS),
        ]
        if self._faults_open:
            routes.insert(0, Route("/admin/faults", self._guarded(self.switch_faults), methods=["POST"]))
        return Starlette(routes=routes)

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def checked(request: Request) -> Response:
            key = request.headers.get("x-functions-key") or request.query_params.get("code")
            return await endpoint(request) if self._keys.opens_admin(key) else Response(status_code=401)

        return checked

    async def alive(self, _request: Request) -> Response:
        return PlainTextResponse("The local Functions host is up and running.\n")

    async def ping(self, _request: Request) -> Response:
        return Response(status_code=200)

    async def unknown(self, _request: Request) -> Response:
        return Response(status_code=404)

    async def host_status(self, _request: Request) -> Response:
        up = datetime.now(UTC) - self._started_at
        return JSONResponse(
            {
                "state": "Running",
                "processUptime": int(up.total_seconds() * 1000),
                "functions": sorted(self._worker.functions),
                "timers": self._timers.status(),
            }
        )

    async def functions(self, _request: Request) -> Response:
        names = sorted(self._worker.functions)
        return JSONResponse(
            [{"name": name, "bindings": self._worker.functions[name].bindings} for name in names]
        )

    async def run_timer(self, request: Request) -> Response:
        """Run a timer function now, beside its schedule; the answer does not wait for it."""
        timer = self._timers.find(request.path_params["name"])
        if timer is None:
            return Response(status_code=404)
        run = asyncio.create_task(timer.run_now())
        self._runs.add(run)
        run.add_done_callback(self._runs.discard)
        return Response(status_code=202)

    async def pumps(self, _request: Request) -> Response:
        return JSONResponse(self._pumps.status())

    async def switch_faults(self, request: Request) -> Response:
        try:
            document = json.loads(await request.body())
            if not isinstance(document, dict):
                raise UnknownFault('The body must be an object such as {"pause": "function"}.')
            self._faults.switch(document)
        except (ValueError, TypeError) as error:
            return JSONResponse({"error": str(error)}, status_code=400)
        return Response(status_code=204)
