"""One of several processes that deliver events as the platform does: `python -m tests.support.writer JSON`.

A batch that fails is held and delivered again after a growing pause, without end; then the next one follows. Every
line on standard output is the writer's account so far.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from shared.runtime import Runtime
from tests.support.runtime import runtime_for
from tests.support.sync_events import Sent, ingest
from tests.support.worlds import World

# The app's own policy, 2 s to 5 minutes, in less time.
PAUSE_SECONDS, PAUSE_SECONDS_MAX = 0.05, 0.5


@dataclass(frozen=True)
class Task:
    """Which part of which world a writer delivers; `skip` batches were taken before it began."""

    url: str
    seed: int
    events: int
    orders: int
    partitions: Sequence[str]
    batch_max: int
    skip: int = 0
    settings: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        return json.dumps(asdict(self))

    def world(self) -> World:
        return World(self.seed, self.events, self.orders)

    def batches(self) -> Iterator[list[Sent]]:
        """Partition after partition, each in its order."""
        world = self.world()
        calls = (call for partition in self.partitions for call in world.calls(partition, self.batch_max))
        for number, call in enumerate(calls):
            if number >= self.skip:
                yield call


@dataclass
class Account:
    """Batches taken, and what deliveries failed with."""

    taken: int = 0
    is_done: bool = False
    failures: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of_line(cls, line: str) -> "Account":
        told: dict[str, Any] = json.loads(line)
        return cls(told["taken"], told["is_done"], Counter(told["failures"]))

    def say(self) -> None:
        sys.stdout.write(json.dumps({**vars(self), "failures": dict(self.failures)}) + "\n")
        sys.stdout.flush()


def deliver(runtime: Runtime, task: Task) -> None:
    """Every batch until it is taken."""
    account = Account(task.skip)
    for call in task.batches():
        pause = PAUSE_SECONDS
        while not _is_taken(runtime, call, account):
            account.say()
            time.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)
        account.taken += 1
        account.say()
    account.is_done = True
    account.say()


def _is_taken(runtime: Runtime, call: Sequence[Sent], account: Account) -> bool:
    try:
        ingest(runtime, *call)
    except Exception as error:  # noqa: BLE001 - the platform knows no difference
        account.failures[type(error).__name__] += 1
        return False
    return True


def main(line: str) -> None:
    """Deliver one task."""
    task = Task(**json.loads(line))
    runtime = runtime_for(task.url, **task.settings)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    deliver(runtime, task)
    runtime.database.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
