"""Writers under way while something happens to their database, and what must stand when they are done."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import psycopg

from tests.support.line_process import LineProcess
from tests.support.oracle import folded
from tests.support.sync_state import assert_converged, received, totals
from tests.support.worlds import PARTITIONS
from tests.support.writer import Account, Task

Owner = psycopg.Connection[Any]
# A killed writer comes back to its last checkpoint, which lies a few batches behind.
BATCHES_BEHIND = 3
POLL_SECONDS = 0.01
# How a delivery may fail while the database, or the way to it, is unwell.
UNWELL = {"DatabaseUnavailable"}


class Writer:
    """A writer process, and its account so far."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._before: Counter[str] = Counter()
        self.account = Account()
        self._start()

    def _start(self) -> None:
        self._process = LineProcess("tests.support.writer", self._task.line()).__enter__()
        self._listening = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._listening.start()

    def _listen(self, process: LineProcess) -> None:
        line = process.ask("begin")
        while line:
            account = Account.of_line(line)
            account.failures += self._before
            self.account = account
            line = process.read()

    @property
    def gave_up(self) -> bool:
        """Ended before it was done, and not because a test said so."""
        return not self._listening.is_alive() and not self.account.is_done

    def kill(self) -> None:
        """End it in the middle of whatever it does, and start another at its last checkpoint."""
        self.end()
        self._before = self.account.failures
        skip = max(0, self.account.taken - BATCHES_BEHIND)
        self._task = replace(self._task, skip=skip)
        self._start()

    def end(self) -> None:
        """Whatever it does."""
        self._process.kill_while_read()
        self._listening.join()
        self._process.close()


@dataclass(frozen=True)
class Load:
    """What the writers deliver, all together."""

    url: str
    seed: int
    events: int
    orders: int = 40
    batch_max: int = 8
    writers: int = 2
    seconds_max: float = 90.0

    def tasks(self) -> list[Task]:
        parts = [PARTITIONS[place :: self.writers] for place in range(self.writers)]
        return [Task(self.url, self.seed, self.events, self.orders, p, self.batch_max) for p in parts]


class Writers:
    """All writers of a load, from `with` to its end."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._deadline = time.monotonic() + load.seconds_max
        tasks = load.tasks()
        self.batches = sum(sum(1 for _ in task.batches()) for task in tasks)
        self.all = [Writer(task) for task in tasks]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self.all:
            writer.end()

    @property
    def taken(self) -> int:
        return sum(writer.account.taken for writer in self.all)

    @property
    def failures(self) -> Counter[str]:
        return sum((writer.account.failures for writer in self.all), Counter[str]())

    @property
    def are_done(self) -> bool:
        return all(writer.account.is_done for writer in self.all)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Poll; too long, a writer that gave up, or all done before it holds, is a failure."""
        while not holds():
            self.check()
            assert not self.are_done or holds(), f"done too early: {self.failures}"
            time.sleep(POLL_SECONDS)

    def check(self) -> None:
        """All writers are under way or done, in time."""
        told = f"seed {self._load.seed}: {self.taken} of {self.batches} batches, {self.failures}"
        assert time.monotonic() < self._deadline, told
        assert not any(writer.gave_up for writer in self.all), told

    def reach(self, share: float) -> None:
        """Until that share of all batches is taken."""
        self.wait_until(lambda: self.taken >= share * self.batches)

    def fail_anew(self) -> None:
        """Until a delivery fails that had not failed when this was asked."""
        failed = self.failures.total()
        self.wait_until(lambda: self.failures.total() > failed)


def under_load(load: Load, happen: Callable[[Writers], object]) -> Counter[str]:
    """Let something happen while the writers are under way, and wait for their end; how deliveries failed."""
    print(f"seed {load.seed}")
    with Writers(load) as writers:
        writers.reach(0.02)
        happen(writers)
        writers.wait_until(lambda: writers.are_done)
        return writers.failures


def assert_nothing_lost(owner: Owner, load: Load, failures: Counter[str]) -> None:
    """The rows are the fold of all events, each counted once, and none was quarantined."""
    world = load.tasks()[0].world()
    assert_converged(owner, folded(world.events))
    counts = totals(owner)
    counts.pop("redelivered", None)
    assert sum(counts.values()) == received(owner) == len(world.events), f"seed {load.seed}"
    assert owner.execute("SELECT count(*) FROM dead_letters").fetchone() == (0,)
    assert failures.keys() <= UNWELL, failures
