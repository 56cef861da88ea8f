"""Where the rate limits count: moving windows of the `limits` library, in this process or in Redis.

Of the library's strategies only the moving window decides the same on both stores: it keeps the times of the last
requests and asks whether the one that must have left the window has. Its sliding window counter begins a window at
the clock's minute in memory and at the first request in Redis. Times come from the runtime's clock.
"""

import hashlib
import math
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from limits import RateLimitItemPerSecond
from limits.storage import MovingWindowSupport, Storage
from limits.storage.redis import RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import ConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

WINDOW_SECONDS = 60
# Of all identities together, so that no number of them fills the memory; the least recently seen leave first.
EVENTS_MAX = 100_000
REDIS_SECONDS_MAX = 0.5
REDIS_CONNECTIONS_MAX = 64
REDIS_PREFIX = "counterfoil"

Now = Callable[[], float]


class StoreGone(Exception):
    """The store does not answer."""


@dataclass(frozen=True)
class Verdict:
    """One decision and what the caller is told of it."""

    allowed: bool
    limit: int
    remaining: int
    reset_seconds: int


class MemoryWindows(Storage, MovingWindowSupport):
    """Windows in this process, of a bounded number of requests.

    The library's own memory storage walks all of its keys in a thread every few milliseconds and has no bound.
    """

    STORAGE_SCHEME = None

    def __init__(self, now: Now, events_max: int = EVENTS_MAX) -> None:
        super().__init__()
        self._now = now
        self._events_max = events_max
        self._windows: OrderedDict[str, list[float]] = OrderedDict()
        self._events = 0
        self._lock = threading.Lock()

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    @property
    def events(self) -> int:
        """How many requests are remembered."""
        return self._events

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        if amount > limit:
            return False
        with self._lock:
            now = self._now()
            window = self._windows.get(key, [])
            index = limit - amount
            if index < len(window) and window[-1 - index] >= now - expiry:
                # Who goes on asking is not forgotten meanwhile.
                self._windows.move_to_end(key)
                return False
            self._events -= len(window)
            window += [now] * amount
            del window[: max(bisect_left(window, now - expiry), len(window) - limit)]
            self._windows[key] = window
            self._windows.move_to_end(key)
            self._events += len(window)
            self._forget(now - expiry)
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        with self._lock:
            now = self._now()
            window = self._windows.get(key, [])
            first = max(bisect_left(window, now - expiry), len(window) - limit)
            return (window[first], len(window) - first) if first < len(window) else (now, 0)

    def _forget(self, before: float) -> None:
        """What has left its window, and what is too much; the least recently seen stand first."""
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if self._events <= self._events_max and window[-1] >= before:
                return
            del self._windows[key]
            self._events -= len(window)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("windows keep times and no counters")

    def get(self, key: str) -> int:
        return len(self._windows.get(key, []))

    def get_expiry(self, key: str) -> float:
        raise NotImplementedError("windows keep times and no counters")

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            count = len(self._windows)
            self._windows.clear()
            self._events = 0
            return count

    def clear(self, key: str) -> None:
        with self._lock:
            self._events -= len(self._windows.pop(key, []))


class RedisWindows(RedisStorage):
    """Windows in Redis, by the library's scripts, at the runtime's time."""

    STORAGE_SCHEME = []  # noqa: RUF012 - as the library declares it: this class is not chosen by a scheme

    def __init__(self, url: str, now: Now) -> None:
        pool = ConnectionPool.from_url(
            url,
            max_connections=REDIS_CONNECTIONS_MAX,
            socket_timeout=REDIS_SECONDS_MAX,
            socket_connect_timeout=REDIS_SECONDS_MAX,
            # Once: the connection may have been idle while the server was started again.
            retry=Retry(NoBackoff(), 1),
        )
        super().__init__(url, connection_pool=pool, key_prefix=REDIS_PREFIX)
        self._now = now

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        arguments = [self._now(), limit, expiry, amount]
        return bool(self.lua_acquire_moving_window([self.prefixed_key(key)], arguments))

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        now = self._now()
        found = self.lua_moving_window([self.prefixed_key(key)], [now - expiry, limit])
        return (float(found[0]), int(found[1])) if found else (now, 0)


class Windows:
    """The moving windows of one store."""

    def __init__(self, store: MemoryWindows | RedisWindows, now: Now) -> None:
        self._limiter = MovingWindowRateLimiter(store)
        self._now = now

    def ask(self, key: str, limit: int, *, spend: bool) -> Verdict:
        """Whether one more request is inside the limit; it is counted when it is and `spend` says so.

        Raises StoreGone.
        """
        item = RateLimitItemPerSecond(limit, WINDOW_SECONDS)
        # Who asks is nobody's business in the store, and as long as it likes.
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        try:
            allowed = self._limiter.hit(item, name) if spend else True
            reset_at, left = self._limiter.get_window_stats(item, name)
        except (RedisError, OSError) as error:
            raise StoreGone(type(error).__name__) from error
        remaining = max(0, left)
        seconds = 0 if remaining == limit else max(1, math.ceil(reset_at - self._now()))
        return Verdict(allowed and (spend or remaining > 0), limit, remaining, seconds)
