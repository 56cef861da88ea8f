"""The retry loop of one dispatch: the whole batch or timer run again until the policy ends it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from infra.local.host.logs import HOST_LOGGER
from infra.local.host.retry import ENDLESS, RetryPolicy
from infra.local.host.worker import Result, Retry

log = logging.getLogger(HOST_LOGGER)


class Attempts:
    """Runs a call under a retry policy; `retries` tells how many were started for the present dispatch."""

    def __init__(self, function: str, policy: RetryPolicy, stopping: asyncio.Event) -> None:
        self._function = function
        self._policy = policy
        self._stopping = stopping
        # Retry pauses need spread, not secrecy.
        self._chance = random.Random()
        self.retries = 0
        self.calling = False

    async def run(self, call: Callable[[Retry], Awaitable[Result]]) -> Result | None:
        """The last result, or None when the host began to stop before the policy came to its end."""
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
            if await self._stopped_during_pause():
                return None

    async def _stopped_during_pause(self) -> bool:
        seconds = self._policy.delay_seconds(self.retries, self._chance)
        limit = "without limit" if self._policy.limit == ENDLESS else f"of {self._policy.limit}"
        log.warning("%s failed; retry %d (%s) in %.1f s.", self._function, self.retries, limit, seconds)
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True
