"""Random worlds: events with ties, absent ages, re-pointed entries and unsteady clocks, all from one seed."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

from tests.support.runtime import NOON
from tests.support.sync_events import ABSENT, Sent, entry, order

SITES = ["KR-SEOUL", "JP-TOKYO", "EU-PARIS"]
PARTITIONS = ("0", "1", "2", "3")
# Few values, so that ties are frequent.
TIMES = [f"2026-11-23T11:00:0{n}Z" for n in range(3)]


class World:
    """The events of four partitions; a partition's sequence numbers have no gaps."""

    def __init__(self, seed: int, events: int, orders: int) -> None:
        self.seed = seed
        self._random = Random(seed)
        self._orders = orders
        self.partitions: dict[str, list[Sent]] = {partition: [] for partition in PARTITIONS}
        numbers = dict.fromkeys(((s, p) for s in ("ledger", "payment_order") for p in PARTITIONS), 0)
        for _ in range(events):
            partition = self._random.choice(PARTITIONS)
            sent = self._event(partition, numbers)
            self.partitions[partition].append(sent)

    @property
    def events(self) -> list[Sent]:
        """All events, partition by partition."""
        return [sent for partition in self.partitions.values() for sent in partition]

    def calls(self, partition: str, batch_max: int) -> Iterator[list[Sent]]:
        """A partition's events in consecutive batches; now and then a batch brings what came before again."""
        events, start = self.partitions[partition], 0
        chance = Random(f"{self.seed}-{partition}")
        while start < len(events):
            end = start + chance.randint(1, batch_max)
            again = chance.randint(0, batch_max) if chance.random() < 0.3 else 0
            yield events[max(0, start - again) : end]
            start = end

    def _event(self, partition: str, numbers: dict[tuple[str, str], int]) -> Sent:
        chance = self._random
        name = f"o-{chance.randrange(self._orders)}"
        common = {
            "amount": chance.choice(["10", "10.00", "11"]),
            "currency": chance.choice([ABSENT, ABSENT, "EUR"]),
            "site_id": chance.choice([ABSENT, *SITES]),
            "version": chance.choice([ABSENT, 0, 1, 2]),
            "updated_at": chance.choice([ABSENT, *TIMES]),
        }
        if chance.random() < 0.3:
            status = chance.choice(["CREATED", "settled", "Cancelled", "odd"])
            sent = order(0, name, status=status, **common)
        else:
            sent = self._entry(name, common)
        place = (sent.stream, partition)
        numbers[place] += 1
        # The broker's clock stands or steps back now and then; events of two partitions share their times.
        enqueued_at = NOON + timedelta(
            milliseconds=500 * (numbers[place] // 3) - chance.choice([0, 0, 0, 700])
        )
        return Sent(sent.stream, numbers[place], sent.body, partition, enqueued_at)

    def _entry(self, name: str, common: dict[str, Any]) -> Sent:
        chance = self._random
        side = chance.choice(["PAYMENT", "RECEIVE"])
        key = chance.choice([f"{name}-{side[0]}", f"{name}-{side[0]}", f"{name}-{side[0]}2", f"x-{side[0]}"])
        related: Any = (
            name if chance.random() < 0.8 else chance.choice([f"o-{chance.randrange(self._orders)}", ABSENT])
        )
        return entry(
            0,
            key,
            wallet_id=f"w-{side[0]}",
            entry_type=side if chance.random() < 0.95 else "FEE",
            event_time=chance.choice(TIMES),
            related_id=related,
            related_type=chance.choice([ABSENT, ABSENT, "PAYMENT_ORDER", "INVOICE"]),
            **common,
        )
