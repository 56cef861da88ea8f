"""Timer triggers: due times in UTC, a status on disk, missed runs once at start, never two at once."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from infra.local.host.attempts import Attempts
from infra.local.host.faults import Faults
from infra.local.host.files import read_json, write_json
from infra.local.host.functions import TimerFunction
from infra.local.host.invoker import Invoker
from infra.local.host.logs import HOST_LOGGER
from infra.local.host.messages import json_data

log = logging.getLogger(HOST_LOGGER)

# Sleeping in short steps notices a clock that was set or a machine that was suspended.
LONGEST_SLEEP_SECONDS = 30.0
NEVER = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class TimerStatus:
    """When a timer last ran and is next due, and when that was written down."""

    last: datetime
    next: datetime
    last_updated: datetime

    def as_document(self) -> dict[str, str]:
        times = {"Last": self.last, "Next": self.next, "LastUpdated": self.last_updated}
        return {name: moment.isoformat() for name, moment in times.items()}


class TimerStatusStore:
    """One status file per timer below a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, function: str) -> TimerStatus | None:
        document = read_json(self._path(function))
        if document is None:
            return None
        return TimerStatus(
            *(datetime.fromisoformat(document[name]) for name in ("Last", "Next", "LastUpdated"))
        )

    def write(self, function: str, status: TimerStatus) -> None:
        write_json(self._path(function), status.as_document())

    def _path(self, function: str) -> Path:
        return self._directory / "timers" / f"{quote(function, safe='')}.json"


class Timer:
    """One timer function."""

    def __init__(
        self, function: TimerFunction, store: TimerStatusStore, invoker: Invoker, faults: Faults
    ) -> None:
        self._function, self._store, self._invoker, self._faults = function, store, invoker, faults
        self._stopping = asyncio.Event()
        self._attempts = Attempts(function.name, function.retry, self._stopping)
        self._one_run = asyncio.Lock()
        self._due: datetime | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"timer {self._function.name}")

    async def stop(self) -> None:
        """Take no further due time; a run that has begun ends first."""
        self._stopping.set()
        if self._task is not None:
            if not self._attempts.calling:
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def status(self) -> dict[str, str | None]:
        due = self._due.isoformat() if self._due else None
        return {"function": self._function.name, "schedule": self._function.schedule.expression, "next": due}

    async def run_now(self, *, past_due: bool = False) -> None:
        """One run; a run that is under way ends first. A failure is logged and does not stop the schedule."""
        async with self._one_run:
            await self._faults.wait_while_paused(self._function.name)
            started = datetime.now(UTC)
            status = self._store.read(self._function.name) if self._function.use_monitor else None
            document = {
                "Schedule": {"AdjustForDST": True},
                "ScheduleStatus": status.as_document() if status else None,
                "IsPastDue": past_due,
            }
            inputs = {self._function.parameter: json_data(document)}
            name = self._function.name
            result = await self._attempts.run(
                lambda retry: self._invoker.invoke(name, "timer", inputs, {}, retry)
            )
            if result is not None:
                self._record(last=started)

    async def _run(self) -> None:
        missed = self._begin_status(datetime.now(UTC))
        if missed or self._function.run_on_startup:
            await self.run_now(past_due=missed)
        while not self._stopping.is_set():
            self._due = self._function.schedule.next_after(datetime.now(UTC))
            await self._sleep_until(self._due)
            await self.run_now()

    def _begin_status(self, now: datetime) -> bool:
        """Bring the status up to date at start; True when a due time passed while no host ran."""
        if not self._function.use_monitor:
            return False
        status = self._store.read(self._function.name)
        if status is not None and status.next == self._function.schedule.next_after(status.last_updated):
            return status.next <= now
        # No status yet, or the schedule was changed since: nothing can have been missed.
        self._record(last=NEVER, now=now)
        return False

    def _record(self, last: datetime, now: datetime | None = None) -> None:
        if self._function.use_monitor:
            now = now or datetime.now(UTC)
            self._store.write(
                self._function.name, TimerStatus(last, self._function.schedule.next_after(now), now)
            )

    async def _sleep_until(self, due: datetime) -> None:
        while (left := (due - datetime.now(UTC)).total_seconds()) > 0:
            await asyncio.sleep(min(left, LONGEST_SLEEP_SECONDS))


class Timers:
    """All timer triggers of the app."""

    def __init__(
        self, functions: tuple[TimerFunction, ...], store: TimerStatusStore, invoker: Invoker, faults: Faults
    ) -> None:
        self._timers = {function.name: Timer(function, store, invoker, faults) for function in functions}

    def start(self) -> None:
        for timer in self._timers.values():
            timer.start()

    async def stop(self) -> None:
        await asyncio.gather(*(timer.stop() for timer in self._timers.values()))

    def status(self) -> list[dict[str, str | None]]:
        return [self._timers[name].status() for name in sorted(self._timers)]

    def find(self, function: str) -> Timer | None:
        return self._timers.get(function)
