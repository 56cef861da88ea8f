"""Carries the plan's faults out, each in a thread of its own, and keeps when it began, ended and was made up for."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
import psycopg

from infra.local.faults import COMMIT
from infra.local.simulate.plan import Fault, Target
from infra.local.simulate.system import DATABASE, HOST, HUBS, System
from infra.local.simulate.watch import Counts, Sample, Watch
from infra.local.stack.job import Job

FUNCTIONS = ("stream_ledger", "stream_payment_orders")
FAILED_INVOCATIONS = 3
CUT_SHARE = 0.02
TERMINATE_SECONDS = 0.2
FIRE_SECONDS = 12.0
LOOK_SECONDS = 0.05
_BACKENDS = "SELECT pid FROM pg_stat_activity WHERE usename = 'counterfoil_app' ORDER BY pid"


@dataclass
class Injected:
    """One fault as it happened; seconds since the start. `caught_up` is when all the hubs held then was received."""

    fault: Fault
    began: float
    ended: float | None = None
    caught_up: float | None = None
    note: str = ""
    held_at_end: Counts | None = None

    @property
    def until(self) -> float | None:
        """How long it was felt."""
        return None if self.caught_up is None else self.caught_up - self.began


class Faults:
    """Starts each fault when its turn comes. Two of one target wait for each other."""

    def __init__(self, system: System, watch: Watch) -> None:
        self._system = system
        self._watch = watch
        self._stopped = threading.Event()
        self._network = threading.Lock()
        self._jobs: list[Job[None]] = []
        self._checkpoints: list[dict[Path, bytes]] = []
        self._looked_at: Sample | None = None
        self.injected: list[Injected] = []
        self._actions: dict[str, Callable[[Injected], None]] = {
            "kill-host": lambda done: self._kill(HOST, done),
            "kill-hubs": lambda done: self._kill(HUBS, done),
            "kill-database": lambda done: self._kill(DATABASE, done),
            "crash": self._crash,
            "rewind": self._rewind,
            "fail": self._fail,
            "pause": self._pause,
            "cut": self._cut,
            "commit": self._commit,
            "flaky": self._flaky,
            "refuse": self._refuse,
            "backends": self._backends,
            "links": self._links,
        }

    def begin(self, fault: Fault) -> None:
        """Let it happen beside whatever else does."""
        done = Injected(fault, self._watch.now)
        self.injected.append(done)
        if fault.target is Target.EVENTS:
            # The publisher sends these by itself, at the place the plan gives them.
            done.ended = self._watch.now
            return
        self._jobs.append(Job(lambda: self._carry_out(done)))

    def check(self) -> None:
        """Raises what stopped a fault: a part that did not come back."""
        for job in self._jobs:
            if job.wait(0):
                job.result()

    def stop(self) -> None:
        """End what lasts, wait for what is under way, and leave the system whole. Raises what a fault met."""
        self._stopped.set()
        for job in self._jobs:
            job.wait()
            job.result()
        self._system.proxy.heal()

    def abandon(self) -> None:
        """End what lasts, and let no fault touch the system any more."""
        self._stopped.set()
        for job in self._jobs:
            job.wait()

    def look(self) -> None:
        """Note what was made up for since the last look, and where the checkpoints stand."""
        sample = self._watch.last
        if sample is self._looked_at:
            return
        self._looked_at = sample
        for done in tuple(self.injected):
            if done.ended is None or done.caught_up is not None or sample.at_seconds < done.ended:
                continue
            if done.held_at_end is None:
                done.held_at_end = sample.held
            if done.held_at_end is not None and sample.has(done.held_at_end):
                done.caught_up = sample.at_seconds
        self._keep_checkpoints()

    def _keep_checkpoints(self) -> None:
        kept: dict[Path, bytes] = {}
        for path in (self._system.layout.host / "checkpoints").rglob("*.json"):
            with suppress(FileNotFoundError):
                kept[path] = path.read_bytes()
        if kept and (not self._checkpoints or kept != self._checkpoints[-1]):
            self._checkpoints.append(kept)

    def _carry_out(self, done: Injected) -> None:
        with self._lock_of(done.fault.target):
            if self._stopped.is_set():
                self.injected.remove(done)
                return
            done.began = self._watch.now
            try:
                self._actions[done.fault.kind](done)
            except (httpx.HTTPError, psycopg.Error) as error:
                # Another fault had its target at the same time.
                done.note = f"found its target away ({type(error).__name__})"
        done.ended = self._watch.now

    @contextmanager
    def _lock_of(self, target: Target) -> Iterator[None]:
        names = {Target.HOST: HOST, Target.HUBS: HUBS, Target.DATABASE: DATABASE}
        with self._system.locks[names[target]] if target in names else self._network:
            yield

    def _wait(self, seconds: float) -> None:
        self._stopped.wait(seconds)

    def _wait_until(self, happened: Callable[[], bool], done: Injected) -> bool:
        """True when it happened; a fault that waited for an event that never came says so."""
        deadline = time.monotonic() + FIRE_SECONDS
        while not happened():
            if time.monotonic() > deadline or self._stopped.is_set():
                done.note = "found no occasion"
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def _function(self, done: Injected) -> str:
        return FUNCTIONS[done.fault.choice % len(FUNCTIONS)]

    def _kill(self, name: str, done: Injected) -> None:
        self._system.kill(name)
        self._wait(done.fault.lasts_seconds)
        self._system.up(name)

    def _crash(self, done: Injected) -> None:
        done.note = function = self._function(done)
        self._system.switch(crash_after_invoke=function)
        if self._wait_until(lambda: self._system.ended(HOST) is not None, done):
            self._system.up(HOST)
        else:
            self._system.switch(crash_after_invoke={function: 0})

    def _rewind(self, done: Injected) -> None:
        """To where they stood at some earlier moment; every fourth time to the beginning."""
        chance = Random(done.fault.choice)
        hub = chance.choice(sorted(self._system.hub_names.values()))
        self._system.kill(HOST)
        before = chance.choice(self._checkpoints) if self._checkpoints and chance.random() < 0.75 else {}
        done.note = f"{hub}, {'to an earlier place' if before else 'to the beginning'}"
        for path in (self._system.layout.host / "checkpoints").rglob("*.json"):
            if hub in path.parts:
                if path in before:
                    path.write_bytes(before[path])
                else:
                    path.unlink()
        self._system.up(HOST)

    def _fail(self, done: Injected) -> None:
        done.note = self._function(done)
        self._system.switch(fail_next={done.note: FAILED_INVOCATIONS})

    def _pause(self, done: Injected) -> None:
        done.note = self._function(done)
        self._system.switch(pause=done.note)
        self._wait(done.fault.lasts_seconds)
        self._system.switch(resume=done.note)

    def _cut(self, done: Injected) -> None:
        done.note = f"connections: {self._system.proxy.cut_all()}"

    def _commit(self, done: Injected) -> None:
        proxy = self._system.proxy
        before = proxy.answers_dropped
        proxy.drop_next_answer(COMMIT, COMMIT)
        if not self._wait_until(lambda: proxy.answers_dropped > before, done):
            proxy.heal()

    def _flaky(self, done: Injected) -> None:
        proxy = self._system.proxy
        before = proxy.cuts
        proxy.cut_at_random(Random(done.fault.choice), CUT_SHARE)
        self._wait(done.fault.lasts_seconds)
        proxy.heal()
        done.note = f"{proxy.cuts - before} cuts"

    def _refuse(self, done: Injected) -> None:
        proxy = self._system.proxy
        proxy.refuse()
        proxy.cut_all()
        self._wait(done.fault.lasts_seconds)
        proxy.heal()

    def _backends(self, done: Injected) -> None:
        chance, deadline, ended = Random(done.fault.choice), time.monotonic() + done.fault.lasts_seconds, 0
        with psycopg.connect(self._system.conninfo("postgres"), autocommit=True) as connection:
            while time.monotonic() < deadline and not self._stopped.is_set():
                pids = [int(row[0]) for row in connection.execute(_BACKENDS).fetchall()]
                if pids:
                    connection.execute("SELECT pg_terminate_backend(%s)", [chance.choice(pids)])
                    ended += 1
                self._wait(TERMINATE_SECONDS)
        done.note = f"{ended} terminated"

    def _links(self, done: Injected) -> None:
        with suppress(httpx.HTTPError):
            done.note = f"connections: {self._system.hubs_control('POST', 'connections/drop')['dropped']}"
