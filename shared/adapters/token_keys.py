"""The issuer's signing keys: fetched rarely, kept for ever, never taken from a token.

A key we hold is answered from memory. A key we do not hold, or keys older than an hour, lead to one fetch, and
whatever is asked meanwhile, the next one waits for the cool-down: a storm of invented key ids costs one fetch.
When a fetch fails, the last good keys stay.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from shared.errors.base import ExternalError
from shared.settings import Settings

if TYPE_CHECKING:
    import jwt

# A key the issuer withdrew stops counting after this long, while the issuer answers.
KEYS_AGE_SECONDS_MAX = 3600.0


class IssuerUnavailable(ExternalError):
    """The issuer did not give its keys, and the key asked for is not among those we hold."""

    code = "AUTH_ISSUER_UNAVAILABLE"


class TokenKeys(Protocol):
    """What holds the issuer's signing keys."""

    def find(self, key_id: str) -> "jwt.PyJWK | None":
        """The issuer's key of that id, None when the issuer has none. Raises IssuerUnavailable."""
        ...


@dataclass
class _Cache:
    """What is known now; replaced as a whole, read without a lock."""

    keys: "Mapping[str, jwt.PyJWK]" = field(default_factory=dict)
    fetched_at: float | None = None
    asked_at: float | None = None
    failure: str | None = None


@dataclass(frozen=True)
class JwksTokenKeys:
    """The keys of the issuer in the settings; times are seconds of a monotonic clock."""

    settings: Settings
    monotonic: Callable[[], float] = time.monotonic
    _cache: _Cache = field(default_factory=_Cache, repr=False, compare=False)
    _fetching: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def find(self, key_id: str) -> "jwt.PyJWK | None":
        held = self._cache.keys.get(key_id)
        if held is None:
            self._refresh_for(key_id)
        elif self._stale() and self._fetching.acquire(blocking=False):
            # Only one caller pays for the renewal; the others go on with the key they have.
            try:
                self._fetch_unless_cooling()
            finally:
                self._fetching.release()
        return self._known(key_id)

    def _refresh_for(self, key_id: str) -> None:
        with self._fetching:
            if key_id not in self._cache.keys:
                self._fetch_unless_cooling()

    def _known(self, key_id: str) -> "jwt.PyJWK | None":
        key = self._cache.keys.get(key_id)
        if key is None and self._cache.failure is not None:
            raise IssuerUnavailable(self._cache.failure)
        return key

    def _stale(self) -> bool:
        fetched_at = self._cache.fetched_at
        return fetched_at is not None and self.monotonic() - fetched_at > KEYS_AGE_SECONDS_MAX

    def _fetch_unless_cooling(self) -> None:
        # Loaded by the first token, not by the start: it brings the whole of cryptography along.
        from shared.adapters.key_set import KeySetUnreadable, fetch_keys

        cache, now = self._cache, self.monotonic()
        if cache.asked_at is not None and now - cache.asked_at < self.settings.oidc_keys_cooldown_seconds:
            return
        try:
            cache.keys = fetch_keys(self.settings)
            cache.fetched_at, cache.failure = now, None
        except KeySetUnreadable as error:
            cache.failure = str(error)
        finally:
            # Counted from the end of the fetch, so that a slow issuer is not asked without pause.
            cache.asked_at = self.monotonic()
