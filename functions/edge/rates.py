"""How often somebody may ask: per address before authentication, per principal after it."""

from functions.edge.endpoint import Endpoint
from shared.errors.request import RateLimited
from shared.runtime import Runtime


class Rates:
    """The limits of one request; `headers` tell of the last one looked at."""

    def __init__(self, runtime: Runtime, endpoint: Endpoint) -> None:
        self._limits = runtime.rate_limits
        self._settings = runtime.settings
        self._class = endpoint.rate_class
        self._writing = endpoint.methods != ("GET",)
        self.headers: dict[str, str] = {}

    def admit_address(self, address: str) -> None:
        """One request of that address, if it has not failed to authenticate too often. Raises RateLimited."""
        factor = self._settings.rate_limit_address_factor
        failures = self._settings.rate_limit_failures
        verdict = self._limits.look(f"failure:{address}", failures, writing=self._writing)
        if not verdict.allowed:
            self._refuse("failed authentications", verdict.limit, verdict.remaining, verdict.reset_seconds)
        self._spend(f"address:{self._class}:{address}", self._settings.rate_limit(self._class) * factor)

    def admit_principal(self, principal_id: str) -> None:
        """One request of that principal. Raises RateLimited."""
        self._spend(f"principal:{self._class}:{principal_id}", self._settings.rate_limit(self._class))

    def count_failure(self, address: str) -> None:
        """An authentication of that address failed."""
        self._limits.spend(f"failure:{address}", self._settings.rate_limit_failures, writing=self._writing)

    def _spend(self, key: str, limit: int) -> None:
        verdict = self._limits.spend(key, limit, writing=self._writing)
        self._tell(verdict.limit, verdict.remaining, verdict.reset_seconds)
        if not verdict.allowed:
            self._refuse(key.partition(":")[0], verdict.limit, verdict.remaining, verdict.reset_seconds)

    def _refuse(self, what: str, limit: int, remaining: int, reset_seconds: int) -> None:
        self._tell(limit, remaining, reset_seconds)
        raise RateLimited(f"{what}, {limit} in 60 s", max(1, reset_seconds))

    def _tell(self, limit: int, remaining: int, reset_seconds: int) -> None:
        self.headers = {
            "RateLimit-Limit": str(limit),
            "RateLimit-Remaining": str(remaining),
            "RateLimit-Reset": str(reset_seconds),
        }
