"""The clock as a port: production reads the system's, tests set their own."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


@dataclass(frozen=True)
class SystemClock:
    """The system's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)
