"""The retry loop of one dispatch: the whole batch or timer run again until the policy ends it."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable

from infra.local.host.logs import HOST_LOGGER
from infra.local.host.retry import ENDLESS, RetryPolicy
from infra.local.host.worker import Result, Retry

log = logging.getLogger(HOST_LOGGER)


class Attempts:
    """Runs a call under a retry policy; `retries` tells how many were started for the present dispatch."""

    def __init__(self, function: str, policy: RetryPolicy, interrupt: asyncio.Event) -> None:
        self._function = function
        self._policy = policy
        self._interrupt = interrupt
        # Retry pauses need spread, not secrecy.
        self._chance = random.Random()
        self.retries = 0
        self.calling = False

    async def run(self, call: Callable[[Retry], Awaitable[Result]]) -> Result | None:
        """The last result, or None when the event interrupted it before the policy came to its end."""
        self.retries = 0
        failure = Result(True)
        while True:
            retry = Retry(self.retries, self._policy.limit, failure.error, failure.stack_trace)
            self.calling = True
            try:
                result = await call(retry)
            finally:
                self.calling = False
            if result.succeeded or not self._policy.allows(self.retries):
                return result
            self.retries += 1
            failure = result
            if await self._interrupted_during_pause():
                return None

    async def _interrupted_during_pause(self) -> bool:
        seconds = self._policy.delay_seconds(self.retries, self._chance)
        limit = "without limit" if self._policy.limit == ENDLESS else f"of {self._policy.limit}"
        log.warning("%s failed; retry %d (%s) in %.1f s.", self._function, self.retries, limit, seconds)
        # A wait of no seconds times out before it looks, so it is the event that tells, not the wait.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._interrupt.wait(), seconds)
        return self._interrupt.is_set()
