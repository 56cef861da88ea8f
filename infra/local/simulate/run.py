"""One run: start the system, publish and disturb, let it drain, judge."""

import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import psycopg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from infra.local.postgres.errors import LocalPostgresError
from infra.local.simulate.faults import Faults
from infra.local.simulate.judge import Check, Difference, Facts, judge
from infra.local.simulate.losses import Loss, LostBatches
from infra.local.simulate.oracle import Defaults
from infra.local.simulate.outcome import Outcome
from infra.local.simulate.plan import Plan
from infra.local.simulate.publisher import Publisher
from infra.local.simulate.reading import read_hub
from infra.local.simulate.recovery import Recovery
from infra.local.simulate.stored import fetch_stored
from infra.local.simulate.system import HOST, System
from infra.local.simulate.watch import Ending, Watch
from infra.local.simulate.world import events_of
from infra.local.stack.errors import StackError
from infra.local.stack.job import Job
from infra.local.stack.layout import Layout
from infra.local.stack.progress import RateColumn, progress_steps
from infra.local.stack.reset import remove_data
from infra.local.stack.run import FREE_BYTES_MIN

STEPS = 6
LOOK_SECONDS = 0.1
# The platform's pause between two attempts grows with an outage, so nothing may happen for a while.
DRAIN_PATIENCE_SECONDS = 150.0
# Until a sample shows what was read again.
SEEN_SECONDS = 10.0


class Interrupts:
    """Ctrl-C once: publish and disturb no more, but drain and judge. Twice, or SIGTERM: stop now."""

    def __init__(self) -> None:
        self._count = 0
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    def asked(self) -> bool:
        return self._count >= 1

    def insisted(self) -> bool:
        return self._count >= 2

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._count += 2 if number == signal.SIGTERM else 1


class Run:
    """Executes a plan in a folder. `outcome` tells what was seen so far, at any time."""

    def __init__(self, plan: Plan, folder: Path, console: Console, interrupts: Interrupts) -> None:
        self._plan = plan
        self._console = console
        self._interrupts = interrupts
        self._starting = True
        self._system = System(folder, self._is_cancelled)
        self._lost = LostBatches(self._system.host_log)
        self.outcome = Outcome(plan, datetime.now(UTC))

    def _is_cancelled(self) -> bool:
        return self._interrupts.insisted() or (self._starting and self._interrupts.asked())

    def execute(self) -> None:
        """From start to verdict. Raises StackError, StackCancelled and what the parts raise."""
        try:
            with progress_steps(self._console, "Starting", STEPS) as steps:
                self._system.start(steps.done)
            self._starting = False
            self._disturb_and_judge()
        finally:
            self._system.stop()

    def _disturb_and_judge(self) -> None:
        connection = self._system.hubs_connection
        publisher = Publisher(connection, self._system.hub_names)
        watch = Watch(self._system, lambda: publisher.acknowledged, self._lost)
        faults = Faults(self._system, watch, self._lost)
        recovered: list[Check] = []
        self.outcome.samples, self.outcome.injected = watch.samples, faults.injected
        self.outcome.began_at = datetime.now(UTC)
        watch.start()
        try:
            self._disturb(publisher, watch, faults)
            drained = self._drain(watch, faults)
            if drained and self._lost.batches:
                recovered = self._recover(watch, faults)
        finally:
            faults.abandon()
            self._note(publisher, watch)
            watch.stop()
        if not self._interrupts.insisted():
            self._judge(publisher, [_drained(drained), *recovered])

    def _disturb(self, publisher: Publisher, watch: Watch, faults: Faults) -> None:
        plan, ahead = self._plan, list(self._plan.faults)
        job = Job(lambda: publisher.publish(events_of(plan), plan.rate, self._interrupts.asked))
        with _progress(self._console) as progress:
            bar = progress.add_task("Publishing and disturbing", total=plan.events, seen="")
            while not job.wait(LOOK_SECONDS) and not self._interrupts.insisted():
                while (
                    ahead and publisher.acknowledged >= ahead[0].after_events and not self._interrupts.asked()
                ):
                    faults.begin(ahead.pop(0))
                self._look(faults)
                self._show(progress, bar, publisher.acknowledged, watch, faults)
            self.outcome.interrupted = self._interrupts.asked()
            if not self._interrupts.insisted():
                job.result()
                faults.published()
                for fault in () if self._interrupts.asked() else ahead:
                    faults.begin(fault)
                self._show(progress, bar, publisher.acknowledged, watch, faults)

    def _look(self, faults: Faults) -> None:
        """The platform starts a host that ended; another part that ends by itself ends the run."""
        system = self._system
        faults.look()
        faults.check()
        for name, lock in system.locks.items():
            if system.ended(name) is not None and lock.acquire(blocking=False):
                try:
                    self._revive(name)
                finally:
                    lock.release()

    def _revive(self, name: str) -> None:
        if self._system.ended(name) is None:
            return
        if name != HOST:
            raise StackError(self._system.end_of(name))
        self.outcome.restarts += 1
        self._system.up(HOST)

    def _show(self, progress: Progress, bar: TaskID, done: int, watch: Watch, faults: Faults) -> None:
        lag = watch.last.lag
        behind = "unknown" if lag is None else f"{lag:,}"
        seen = f"{len(faults.injected)}/{len(self._plan.faults)} faults · lag {behind}"
        progress.update(bar, completed=done, seen=seen)

    def _drain(self, watch: Watch, faults: Faults) -> bool:
        """True when everything the hubs hold was received, but for what the platform lost."""
        with self._console.status("Faults end, the system drains …"):
            if self._interrupts.asked():
                faults.stop()
            self._until(lambda: all(done.ended is not None for done in tuple(faults.injected)), watch, faults)
            faults.stop()
            ended = self._until(Ending(self._system, watch).has_come, watch, faults)
            return ended and watch.last.unexplained == 0

    def _recover(self, watch: Watch, faults: Faults) -> list[Check]:
        """Let the watch see what was lost and the product's command read it again; what holds of that."""

        def within(seconds: float, happened: Callable[[], bool]) -> bool:
            deadline = time.monotonic() + seconds
            while not self._interrupts.insisted() and time.monotonic() < deadline:
                self._look(faults)
                if happened():
                    return True
                time.sleep(LOOK_SECONDS)
            return False

        recovery = Recovery(self._system, within, lambda: watch.now)
        self.outcome.replays = recovery.replays
        with self._console.status("Lost batches are seen and read again …"):
            checks = recovery.recover()
            over = watch.now
            within(SEEN_SECONDS, lambda: watch.last.at_seconds > over and not watch.last.lost)
            self._look(faults)
        batches = self._lost.batches
        self.outcome.losses = recovery.losses(batches, self.outcome.recovered_at(batches))
        return checks

    def _until(self, happened: Callable[[], bool], watch: Watch, faults: Faults) -> bool:
        """False when nothing was received for long, or somebody insists to stop."""
        best, deadline = -1, time.monotonic() + DRAIN_PATIENCE_SECONDS
        while not self._interrupts.insisted() and time.monotonic() < deadline:
            self._look(faults)
            if happened():
                self._look(faults)
                return True
            received = sum((watch.last.received or {}).values())
            if received > best:
                best, deadline = received, time.monotonic() + DRAIN_PATIENCE_SECONDS
            time.sleep(LOOK_SECONDS)
        return False

    def _note(self, publisher: Publisher, watch: Watch) -> None:
        if not self.outcome.losses:
            # Nobody read them again; they are told all the same.
            self.outcome.losses = [Loss(batch) for batch in self._lost.batches]
        self.outcome.published, self.outcome.resent = publisher.acknowledged, publisher.resent
        self.outcome.seconds = watch.now

    def _judge(self, publisher: Publisher, checks: list[Check]) -> None:
        system = self._system
        with self._console.status("Judging …"):
            group = system.settings.event_replay_consumer_group
            kept = [
                each
                for stream, hub in system.hub_names.items()
                for each in read_hub(system.hubs_connection, stream, hub, group)
            ]
            with psycopg.connect(system.conninfo("auditor")) as connection:
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                stored = fetch_stored(connection, system.settings.event_consumer_group)
            defaults = Defaults(system.settings.event_default_currency, system.settings.event_default_site_id)
            facts = Facts(kept, stored, publisher.poison, publisher.sent, defaults)
            self.outcome.judged(facts, [*checks, *judge(facts)])


def _drained(drained: bool) -> Check:
    found = () if drained else (Difference("lag", 0, "more, and nothing moves any more"),)
    rule = "the lag falls to nothing once the faults have ended, but for lost batches"
    return Check("drained", rule, 1, found)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<26}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[seen]}"),
        console=console,
    )


def new_folder(free_bytes_min: int = FREE_BYTES_MIN) -> Path:
    """A folder of the run's own. Raises StackError when the disk has no room for it."""
    folder = Path(tempfile.mkdtemp(prefix="counterfoil-simulate-"))
    free = shutil.disk_usage(folder).free
    if free < free_bytes_min:
        folder.rmdir()
        raise StackError(
            f"Only {free // 2**20} MB are free on the disk of {folder.parent}, and a run needs about "
            f"{free_bytes_min // 2**20} MB: free some space, or set TMPDIR to a folder that has it."
        )
    return folder


def remove_folder(system_folder: Path) -> None:
    """Remove everything of a run that has ended, wherever PostgreSQL kept its data."""
    # Where PostgreSQL's programs are not found, it never had data.
    with suppress(LocalPostgresError):
        remove_data(Layout(system_folder))
    shutil.rmtree(system_folder, ignore_errors=True)
