"""Misbehaviour on request, so that tests can see what the product does with a bad issuer."""

import asyncio
from dataclasses import dataclass, fields
from typing import Any

from starlette.responses import JSONResponse, Response

DELAY_SECONDS_MAX = 60.0
DELAY_STEP_SECONDS = 0.05
PADDING_BYTES_MAX = 64 * 1024 * 1024


@dataclass(slots=True)
class Faults:
    """What the key set's address does wrong, and how often it was asked."""

    jwks_delay_seconds: float = 0.0
    jwks_status: int = 200
    jwks_padding_bytes: int = 0
    jwks_requests: int = 0
    discovery_requests: int = 0

    def change(self, wanted: dict[str, Any]) -> None:
        """Set the named switches; ValueError names one that does not exist or is out of range."""
        known = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        for name, value in wanted.items():
            if name not in known or isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name}: choose a number for one of {', '.join(known)}")
            setattr(self, name, known[name](value))
        self.jwks_delay_seconds = min(max(self.jwks_delay_seconds, 0.0), DELAY_SECONDS_MAX)
        self.jwks_padding_bytes = min(max(self.jwks_padding_bytes, 0), PADDING_BYTES_MAX)

    def state(self) -> dict[str, int | float]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    async def answer_key_set(self, key_set: dict[str, Any]) -> Response:
        """The key set, with whatever is wrong at the moment."""
        self.jwks_requests += 1
        await self._delay()
        if self.jwks_status != 200:
            return JSONResponse({"error": "temporarily_unavailable"}, self.jwks_status)
        if self.jwks_padding_bytes:
            key_set = {**key_set, "padding": "x" * self.jwks_padding_bytes}
        return JSONResponse(key_set)

    async def _delay(self) -> None:
        # In steps, so that switching the delay off also frees the requests that wait.
        waited = 0.0
        while waited < self.jwks_delay_seconds:
            await asyncio.sleep(DELAY_STEP_SECONDS)
            waited += DELAY_STEP_SECONDS
