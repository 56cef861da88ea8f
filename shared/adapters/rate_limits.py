"""Rate limits: how often somebody may ask in a minute, counted in memory or in a Redis all instances share."""

import logging
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from shared.adapters.clock import Clock
from shared.errors.request import RateLimitUnavailable
from shared.settings import Settings

if TYPE_CHECKING:
    from shared.adapters.rate_stores import Verdict, Windows

# So long a store that did not answer is left alone: every question to it would cost its time limit.
REST_SECONDS = 1.0
_LOG = logging.getLogger("counterfoil.rate_limits")


class RateLimits(Protocol):
    """Counts requests by key. `writing` says what happens while the shared store is gone."""

    def spend(self, key: str, limit: int, *, writing: bool) -> "Verdict":
        """Whether one more request of that key is inside the limit; counted if so. Raises RateLimitUnavailable."""

    def look(self, key: str, limit: int, *, writing: bool) -> "Verdict":
        """Whether one more request would be inside the limit; nothing is counted. Raises RateLimitUnavailable."""


class StoredRateLimits:
    """Rate limits by the settings: in Redis where one is named, else in this process.

    Redis gone: requests that write are refused and others counted in this process (RATE_LIMIT_FAIL_MODE=mixed), or
    all are counted here (open), or all refused (closed). It is asked again every second.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._shared: Windows | None = None
        self._local: Windows | None = None
        self._rests_until: datetime | None = None

    def spend(self, key: str, limit: int, *, writing: bool) -> "Verdict":
        return self._ask(key, limit, writing=writing, spend=True)

    def look(self, key: str, limit: int, *, writing: bool) -> "Verdict":
        return self._ask(key, limit, writing=writing, spend=False)

    def _ask(self, key: str, limit: int, *, writing: bool, spend: bool) -> "Verdict":
        from shared.adapters.rate_stores import StoreGone

        shared, local = self._windows()
        if shared is None:
            return local.ask(key, limit, spend=spend)
        if not self._resting():
            try:
                verdict = shared.ask(key, limit, spend=spend)
            except StoreGone as error:
                self._rest(error)
            else:
                self._rests_until = None
                return verdict
        mode = self._settings.rate_limit_fail_mode
        if mode == "closed" or (mode == "mixed" and writing):
            raise RateLimitUnavailable("Redis does not answer")
        return local.ask(key, limit, spend=spend)

    def _windows(self) -> "tuple[Windows | None, Windows]":
        """The stores, made at the first question: the library is not loaded by the start."""
        if self._local is None:
            from shared.adapters.rate_stores import MemoryWindows, RedisWindows, Windows

            with self._lock:
                url = self._settings.rate_limit_redis_url
                if self._local is None and self._settings.rate_limit_store != "memory" and url:
                    self._shared = Windows(RedisWindows(url, self._now), self._now)
                self._local = self._local or Windows(MemoryWindows(self._now), self._now)
        return self._shared, self._local

    def _now(self) -> float:
        """To the millisecond: of finer times Redis' scripts lose a digit on the way back."""
        return round(self._clock.now().timestamp(), 3)

    def _resting(self) -> bool:
        return self._rests_until is not None and self._clock.now() < self._rests_until

    def _rest(self, error: Exception) -> None:
        if self._rests_until is None:
            _LOG.warning("the Redis of the rate limits does not answer (%s)", error)
        self._rests_until = self._clock.now() + timedelta(seconds=REST_SECONDS)
