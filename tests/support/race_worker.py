"""One of several processes that ingest at the same time: `python -m tests.support.race_worker URL`.

Each line on standard input is a Turn; the process takes the events of its turn and answers with one line.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from shared.runtime import Runtime
from tests.support.runtime import runtime_for
from tests.support.sync_events import Sent, entry, ingest, order


@dataclass(frozen=True)
class Turn:
    """What one worker of a run does: its part is drawn from the run's seed and its own number."""

    scenario: str
    run: int
    worker: int
    orders: int
    batch: int

    def line(self) -> str:
        return json.dumps(asdict(self)) + "\n"

    def events(self) -> list[Sent]:
        """The worker's events, in the order it sends them; every worker has its own partition."""
        chance = Random(f"{self.scenario}-{self.run}-{self.worker}")
        names = [f"o-{self.run}-{n}" for n in range(self.orders)]
        chance.shuffle(names)
        make = {"sides": self._side, "re-pointed": self._re_pointed}[self.scenario]
        return list(make(names, chance))

    def _place(self, number: int) -> dict[str, Any]:
        return {"number": self.run * 1_000_000 + number, "partition_id": str(self.worker)}

    def _side(self, names: list[str], chance: Random) -> Iterator[Sent]:
        """The first two workers bring one side each, the third the orders, the fourth newer versions of both sides."""
        for number, name in enumerate(names):
            place = self._place(number)
            if self.worker == 2:
                yield order(order_id=name, **place)
                continue
            side = (
                ("PAYMENT", "RECEIVE")[self.worker]
                if self.worker < 2
                else chance.choice(["PAYMENT", "RECEIVE"])
            )
            version = 1 if self.worker < 2 else 2
            yield entry(tx_id=f"{name}-{side}", related_id=name, entry_type=side, version=version, **place)

    def _re_pointed(self, names: list[str], chance: Random) -> Iterator[Sent]:
        """Every worker points the same entries to other orders, each with versions of its own."""
        for number, name in enumerate(names):
            side = ("PAYMENT", "RECEIVE")[int(name.rpartition("-")[2]) % 2]
            target = f"o-{self.run}-{chance.randrange(self.orders)}"
            version = chance.randrange(50) * 10 + self.worker
            yield entry(
                tx_id=f"{name}-x", related_id=target, entry_type=side, version=version, **self._place(number)
            )


def take(runtime: Runtime, turn: Turn) -> str | None:
    """Ingest the turn's events batch by batch; what went wrong, None when nothing did."""
    events = turn.events()
    try:
        for start in range(0, len(events), turn.batch):
            ingest(runtime, *events[start : start + turn.batch])
    except Exception as error:  # noqa: BLE001 - told to the test, whatever it is
        return f"{type(error).__name__}: {error}"
    return None


def main(url: str) -> None:
    """Take turns until standard input ends."""
    runtime = runtime_for(url)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(take(runtime, Turn(**json.loads(line)))) + "\n")
        sys.stdout.flush()
    runtime.database.dispose()


if __name__ == "__main__":
    main(sys.argv[1])
