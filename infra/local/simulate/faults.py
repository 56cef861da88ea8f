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
from infra.local.sample.model import LEDGER, PAYMENT_ORDER, Stream
from infra.local.simulate.losses import Loss, LostBatches, joined
from infra.local.simulate.plan import LOSE, LOSE_TAIL, LOSING, Fault, Target
from infra.local.simulate.system import DATABASE, HOST, HUBS, System
from infra.local.simulate.watch import Counts, Sample, Watch, host_is_done
from infra.local.stack.errors import StackError
from infra.local.stack.job import Job

FUNCTIONS: dict[str, Stream] = {"stream_ledger": LEDGER, "stream_payment_orders": PAYMENT_ORDER}
FAILED_INVOCATIONS = 3
CUT_SHARE = 0.02
TERMINATE_SECONDS = 0.2
FIRE_SECONDS = 12.0
# Until the host has put the last event behind it; what it holds in its hands may be retried before.
TAIL_SECONDS_MAX = 90.0
TAIL_BATCHES = 1_000_000
DISARM_ATTEMPTS = 3
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

    def __init__(self, system: System, watch: Watch, lost: LostBatches) -> None:
        self._system = system
        self._watch = watch
        self._lost = lost
        self._published_at: float | None = None
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
            LOSE: self._lose_next,
            LOSE_TAIL: self._lose_tail,
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

    def published(self) -> None:
        """Nothing more is sent from now on."""
        self._published_at = self._watch.now

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
            if done.held_at_end is not None and self._is_made_up(done, sample, done.held_at_end):
                done.caught_up = sample.at_seconds
        self._keep_checkpoints()

    def _is_made_up(self, done: Injected, sample: Sample, held: Counts) -> bool:
        """Other faults do not wait for batches that were lost; those that lost them do."""
        mine = done.fault.kind in LOSING and any(each.fault == done.fault.number for each in sample.lost)
        return sample.has(held) and not mine

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

    def _wait_until(
        self, happened: Callable[[], bool], done: Injected, seconds: float = FIRE_SECONDS
    ) -> bool:
        """True when it happened; a fault that waited for an event that never came says so."""
        deadline = time.monotonic() + seconds
        while not happened():
            if time.monotonic() > deadline or self._stopped.is_set():
                done.note = "found no occasion"
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def _function(self, done: Injected) -> str:
        return tuple(FUNCTIONS)[done.fault.choice % len(FUNCTIONS)]

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

    def _lose_next(self, done: Injected) -> None:
        self._lose(done, 1, lambda: bool(self._lost.of(done.fault.number)), FIRE_SECONDS)

    def _lose_tail(self, done: Injected) -> None:
        self._lose(done, TAIL_BATCHES, lambda: self._is_over(self._function(done)), TAIL_SECONDS_MAX)

    def _lose(self, done: Injected, batches: int, ended: Callable[[], bool], seconds: float) -> None:
        """Of partitions of which something was received: what came before their first number is known to nobody."""
        function = self._function(done)
        if not self._wait_until(lambda: self._is_received_everywhere(function), done):
            return
        number, stream = done.fault.number, FUNCTIONS[function]

        def look() -> bool:
            self._lost.read(number, stream, self._watch.now)
            return ended() or self._system.ended(HOST) is not None

        self._lost.skip()
        try:
            self._system.switch(lose_batch={function: batches})
            self._wait_until(look, done, seconds)
        finally:
            self._disarm(function)
            look()
        losses = joined(Loss(batch) for batch in self._lost.of(number))
        done.note = ", ".join(loss.batch.written for loss in losses) or "found no occasion"

    def _disarm(self, function: str) -> None:
        """A host that ended has forgotten the switch; one that does not answer is asked again."""
        for _ in range(DISARM_ATTEMPTS):
            if self._system.ended(HOST) is not None:
                return
            with suppress(httpx.HTTPError):
                self._system.switch(lose_batch={function: 0})
                return
        raise StackError("The Functions host does not let itself be told to lose no more batches.")

    def _is_received_everywhere(self, function: str) -> bool:
        sample, hub = self._watch.last, self._system.hub_names[FUNCTIONS[function]]
        if sample.held is None or sample.received is None:
            return False
        return all(sample.received.get(place) for place in sample.held if place[0] == hub)

    def _is_over(self, function: str) -> bool:
        """Whether the host has put everything behind it that the function's hub will ever hold."""
        sample, hub = self._watch.last, self._system.hub_names[FUNCTIONS[function]]
        if self._published_at is None or sample.at_seconds <= self._published_at or sample.held is None:
            return False
        return host_is_done(self._system, {place: n for place, n in sample.held.items() if place[0] == hub})

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
