"""What the generator produces: events in send order, and the counts they must lead to."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Stream = Literal["ledger", "payment_order"]
LEDGER: Stream = "ledger"
PAYMENT_ORDER: Stream = "payment_order"
MALFORMED_PREFIX = "malformed:"


class SampleEvent(NamedTuple):
    """One event as it is published; `kind` says what it is meant to be and does not travel."""

    stream: Stream
    partition_key: str
    body: bytes
    properties: dict[str, str]
    kind: str


class Planned(NamedTuple):
    """An event with its place in the send order, counted in orders since the day's start."""

    position: float
    event: SampleEvent


@dataclass
class SampleReport:
    """Filled while a generator is consumed: what was sent, and the final state it must lead to.

    `pair_states` and `anomalies` count orders; `dead_letters` are the malformed events, which belong to
    no order and change nothing else.
    """

    events: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    malformed: Counter[str] = field(default_factory=Counter)
    pair_states: Counter[str] = field(default_factory=Counter)
    anomalies: Counter[str] = field(default_factory=Counter)
    anomalous_orders: int = 0

    @property
    def sent(self) -> int:
        return self.events.total()

    @property
    def dead_letters(self) -> int:
        return self.malformed.total()

    def count_event(self, event: SampleEvent) -> None:
        self.events[event.stream] += 1
        if event.kind.startswith(MALFORMED_PREFIX):
            self.malformed[event.kind.removeprefix(MALFORMED_PREFIX)] += 1
        else:
            self.kinds[event.kind] += 1

    def count_order(self, state: str, anomaly: str) -> None:
        self.pair_states[state] += 1
        if anomaly:
            self.anomalies[anomaly] += 1
            self.anomalous_orders += 1
