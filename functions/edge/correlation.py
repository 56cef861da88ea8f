"""The correlation id of a request: taken over from the caller when it is well-formed, else made here."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.adapters.ids import Ids

# What may pass into logs, headers and rows unchanged.
_CORRELATION_ID = re.compile(r"[A-Za-z0-9._~:@-]{1,128}")
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


@dataclass(frozen=True)
class Correlation:
    """One id for the answer, the log and the telemetry; the caller's trace context goes back unchanged."""

    id: str
    traceparent: str | None = None

    def headers(self) -> dict[str, str]:
        trace = {"traceparent": self.traceparent} if self.traceparent else {}
        return {"X-Correlation-ID": self.id, **trace}


def correlation_of(headers: Mapping[str, str], ids: Ids) -> Correlation:
    """X-Correlation-ID first, then the trace id of traceparent, then a new id; malformed ones are passed over."""
    given = headers.get("x-correlation-id", "")
    trace = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if not _CORRELATION_ID.fullmatch(given):
        given = trace[1] if trace else ids.new()
    return Correlation(given, trace[0] if trace else None)
