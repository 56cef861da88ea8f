"""The HTTP front: finds the function for a request, checks its key and answers with what it returned."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from infra.local.host.exchange import (
    MAX_BODY_BYTES,
    declared_length,
    request_data,
    request_path,
    response,
    trace_parent,
)
from infra.local.host.faults import Faults
from infra.local.host.functions import HttpFunction
from infra.local.host.invoker import Invoker
from infra.local.host.keys import Keys
from infra.local.host.logs import HOST_LOGGER

log = logging.getLogger(HOST_LOGGER)

# The platform's load balancer gives up after this time and answers 504; the function runs on.
RESPONSE_LIMIT_SECONDS = 230.0


@dataclass(frozen=True)
class HttpLimits:
    """How many requests may wait or run, how many may run, and how long a caller waits for the answer."""

    outstanding: int | None = None
    concurrent: int | None = None
    response_seconds: float = RESPONSE_LIMIT_SECONDS


class Front:
    """Serves every path that is not the host's own.

    Routes are tried in alphabetical order of the function names, as the platform does, not by precision.
    A known route asked with another method is 404 there, and here; HEAD is a method like any other.
    """

    def __init__(
        self,
        functions: Iterable[HttpFunction],
        route_prefix: str,
        limits: HttpLimits,
        keys: Keys,
        invoker: Invoker,
        faults: Faults,
    ) -> None:
        self._functions = sorted(functions, key=lambda function: function.name.lower())
        self._prefix = f"/{route_prefix}" if route_prefix else ""
        self._limits = limits
        self._outstanding = 0
        self._slots = (
            contextlib.nullcontext() if limits.concurrent is None else asyncio.Semaphore(limits.concurrent)
        )
        self._keys, self._invoker, self._faults = keys, invoker, faults

    async def __call__(self, request: Request) -> Response:
        found = self._find(request)
        if found is None:
            return Response(status_code=404)
        function, parameters = found
        key = request.headers.get("x-functions-key") or request.query_params.get("code")
        if not self._keys.opens_function(function.name, function.auth_level, key):
            return Response(status_code=401)
        if declared_length(request) > MAX_BODY_BYTES:
            return Response(status_code=413)
        if self._limits.outstanding is not None and self._outstanding >= self._limits.outstanding:
            return Response(status_code=429)
        self._outstanding += 1
        try:
            async with self._slots:
                return await self._answer(request, function, parameters)
        finally:
            self._outstanding -= 1

    def _find(self, request: Request) -> tuple[HttpFunction, dict[str, str]] | None:
        path = request_path(request)
        if not path.lower().startswith(self._prefix.lower() + "/"):
            return None
        rest = path[len(self._prefix) :]
        for function in self._functions:
            parameters = function.route.match(request.method, rest)
            if parameters is not None:
                return function, parameters
        return None

    async def _answer(self, request: Request, function: HttpFunction, parameters: dict[str, str]) -> Response:
        await self._faults.wait_while_paused(function.name)
        inputs = {function.parameter: await request_data(request, parameters)}
        trace = trace_parent(request)
        call = asyncio.create_task(
            self._invoker.invoke(function.name, "http", inputs, {}, trace_parent=trace),
        )
        limit = self._limits.response_seconds
        done, _ = await asyncio.wait({call}, timeout=limit)
        if not done:
            log.error("%s gave no answer within %.0f s; the caller gets 504.", function.name, limit)
            return Response(status_code=504)
        result = call.result()
        if not result.succeeded:
            return Response(status_code=500)
        try:
            return response(result.return_value)
        except ValueError as error:
            log.error("%s returned what is not an HTTP response: %s", function.name, error)
            return Response(status_code=500)
