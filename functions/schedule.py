"""The crontab: every scheduled duty, its setting (six-field NCRONTAB, UTC) and its use case."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.runtime import Runtime
from shared.sync.watch_sync import watch_sync


@dataclass(frozen=True)
class Duty:
    """One timer function: `schedule` names the setting that holds its times."""

    name: str
    schedule: str
    use_case: Callable[[Runtime], object]


SCHEDULE: tuple[Duty, ...] = (Duty("timer_watch_sync", "WATCH_SYNC_SCHEDULE", watch_sync),)
