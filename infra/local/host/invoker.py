"""One invocation of a function: identity, faults, time limit, log line and observers."""

import asyncio
import logging
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from infra.local.host.faults import Faults
from infra.local.host.logs import HOST_LOGGER
from infra.local.host.messages import TypedData
from infra.local.host.worker import Result, Retry, Worker

log = logging.getLogger(HOST_LOGGER)

_NO_RETRY = Retry()


@dataclass(frozen=True)
class Invocation:
    """What an observer learns of a finished invocation; forwarding to a telemetry service starts here."""

    function: str
    invocation_id: str
    trigger: str
    trace_parent: str
    started_at: datetime
    duration_seconds: float
    retry_count: int
    succeeded: bool
    error: str


Observer = Callable[[Invocation], None]


class Invoker:
    """Calls functions through the worker and knows which invocations run."""

    def __init__(
        self,
        worker: Worker,
        faults: Faults,
        timeout_seconds: float | None,
        on_timeout: Callable[[str], None],
        observers: tuple[Observer, ...] = (),
    ) -> None:
        self._worker = worker
        self._faults = faults
        self._timeout_seconds = timeout_seconds
        self._on_timeout = on_timeout
        self._observers = observers
        self._running: dict[str, str] = {}
        self._idle = asyncio.Event()
        self._idle.set()

    async def invoke(
        self,
        function: str,
        trigger: str,
        inputs: Mapping[str, TypedData],
        metadata: Mapping[str, TypedData],
        retry: Retry = _NO_RETRY,
        trace_parent: str = "",
    ) -> Result:
        """Run the function once and report it; a failing function is a failed result, never an exception."""
        invocation_id = str(uuid.uuid4())
        trace_parent = trace_parent or f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        started_at, started = datetime.now(UTC), time.perf_counter()
        self._running[invocation_id] = function
        self._idle.clear()
        try:
            if self._faults.take_failure(function):
                result = Result(False, "InjectedFault: the fault switch made this invocation fail")
            else:
                result = await self._within_limit(
                    function, invocation_id, inputs, metadata, retry, trace_parent
                )
        finally:
            del self._running[invocation_id]
            if not self._running:
                self._idle.set()
        self._faults.crash_if_asked(function)
        duration = time.perf_counter() - started
        self._report(
            Invocation(
                function, invocation_id, trigger, trace_parent, started_at, duration, retry.count,
                result.succeeded, result.error,
            ),
            result.stack_trace,
        )  # fmt: skip
        return result

    async def _within_limit(
        self,
        function: str,
        invocation_id: str,
        inputs: Mapping[str, TypedData],
        metadata: Mapping[str, TypedData],
        retry: Retry,
        trace_parent: str,
    ) -> Result:
        call = self._worker.invoke(function, invocation_id, inputs, metadata, retry, trace_parent)
        if self._timeout_seconds is None:
            return await call
        # A timer callback instead of wait_for: the call keeps this task, which costs nothing per invocation.
        alarm = asyncio.get_running_loop().call_later(self._timeout_seconds, self._on_timeout, function)
        try:
            return await call
        finally:
            alarm.cancel()

    def _report(self, invocation: Invocation, stack_trace: str) -> None:
        level = logging.DEBUG if invocation.succeeded else logging.ERROR
        log.log(
            level,
            "Executed 'Functions.%s' (%s, Id=%s, Duration=%.0fms)%s",
            invocation.function,
            "Succeeded" if invocation.succeeded else "Failed",
            invocation.invocation_id,
            invocation.duration_seconds * 1000,
            f": {stack_trace or invocation.error}" if invocation.error else "",
        )
        for observe in self._observers:
            observe(invocation)

    def running(self) -> tuple[str, str] | None:
        """Function and id of the invocation the calling code belongs to, for log lines."""
        invocation_id = self._worker.current_invocation_id()
        function = self._running.get(invocation_id or "")
        return (function, invocation_id) if function and invocation_id else None

    @property
    def running_count(self) -> int:
        return len(self._running)

    async def wait_until_idle(self) -> None:
        await self._idle.wait()
