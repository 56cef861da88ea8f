"""The events of the ingest figures: orders, PAYMENT and RECEIVE entries, shuffled, with duplicates and stale ones."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.sync.model import Event, EventBatch

SITES = ("KR-SEOUL", "JP-TOKYO", "EU-PARIS")
START = datetime(2026, 11, 23, tzinfo=UTC)
SHUFFLE_WINDOW = 2000
NOISE_SHARE = 0.05
Fact = tuple[str, dict[str, object]]


@dataclass(frozen=True)
class Workload:
    """Events in arrival order, each with its stream."""

    events: list[tuple[str, Event]]

    def batches(self, size: int) -> list[list[EventBatch]]:
        """Cut into calls of `size` events; a call holds at most one batch per stream."""
        return [_call(self.events[i : i + size]) for i in range(0, len(self.events), size)]

    def by_hub(self, size: int) -> list[list[EventBatch]]:
        """Cut as a host delivers them: `size` events of one hub, in the order in which the batches fill."""
        waiting: dict[str, list[tuple[str, Event]]] = {}
        calls = []
        for event in self.events:
            own = waiting.setdefault(event[0], [])
            own.append(event)
            if len(own) == size:
                calls.append(_call(waiting.pop(event[0])))
        return [*calls, *(_call(rest) for rest in waiting.values())]


def workload(orders: int, seed: int = 7, first_order: int = 0, first_number: int = 0) -> Workload:
    """About 3.3 events per order: its last state, both legs, 5 % exact duplicates and 5 % stale versions."""
    rng = random.Random(seed)
    facts: list[Fact] = []
    for number in range(first_order, first_order + orders):
        facts += facts_of_order(number, rng)
    extra: list[tuple[int, Fact]] = []
    for index, (stream, fact) in enumerate(facts):
        if rng.random() < NOISE_SHARE:
            extra.append((index, (stream, fact)))
        if rng.random() < NOISE_SHARE:
            extra.append((index, (stream, {**fact, "version": 1, "amount": "1.00", "updated_at": _at(0)})))
    placed = [(i + rng.random() * SHUFFLE_WINDOW, f) for i, f in enumerate(facts)]
    placed += [(i + rng.random() * SHUFFLE_WINDOW, f) for i, f in extra]
    placed.sort(key=lambda pair: pair[0])
    return published([fact for _, fact in placed], first_number)


def published(facts: Sequence[Fact], first_number: int = 0) -> Workload:
    """Facts as events, in this order; ten share a millisecond."""
    counters = {"ledger": first_number - 1, "payment_order": first_number - 1}
    events = []
    for index, (stream, fact) in enumerate(facts):
        counters[stream] += 1
        enqueued = START + timedelta(days=1, milliseconds=index // 10)
        body = json.dumps(fact, separators=(",", ":")).encode()
        events.append((stream, Event(body, counters[stream], enqueued, str(counters[stream]))))
    return Workload(events)


def facts_of_order(number: int, rng: random.Random) -> list[Fact]:
    """The order and its two legs, as one producer would publish them in the end."""
    amount = f"{rng.randrange(100, 10_000_000) / 100:.2f}"
    site = SITES[number % 3]
    order_id = f"ord-20261123-{number:09d}"
    order: dict[str, object] = {
        "order_id": order_id,
        "amount": amount,
        "currency": "USD",
        "status": rng.choice(("SETTLED", "SETTLED", "SETTLED", "CREATED", "FAILED")),
        "created_at": _at(number),
        "user_id": f"usr-{rng.randrange(100_000):08d}",
        "merchant_name": f"Merchant {number % 500}",
        "merchant_id": f"mer-{number % 500:05d}",
        "updated_at": _at(number + 40),
        "version": 3,
        "site_id": site,
    }
    legs = [_leg(number, side, amount, site, order_id, rng) for side in ("PAYMENT", "RECEIVE")]
    return [("payment_order", order), *(("ledger", leg) for leg in legs)]


def _leg(
    number: int, side: str, amount: str, site: str, order_id: str, rng: random.Random
) -> dict[str, object]:
    signed = f"-{amount}" if side == "PAYMENT" else amount
    return {
        "tx_id": f"tx-20261123-{number:09d}-{side[0]}",
        "wallet_id": f"wal-{rng.randrange(200_000):08d}",
        "entry_type": side,
        "amount": amount,
        "amount_signed": signed,
        "currency": "USD",
        "related_id": order_id,
        "related_type": "PAYMENT_ORDER",
        "event_time": _at(number + (20 if side == "RECEIVE" else 10)),
        "created_at": _at(number + 30),
        "updated_at": _at(number + 30),
        "version": 2,
        "site_id": site,
    }


def _at(step: int) -> str:
    moment = START + timedelta(milliseconds=7 * step)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _call(events: list[tuple[str, Event]]) -> list[EventBatch]:
    call = []
    for stream, hub in (("ledger", "ledger.entry.upserted"), ("payment_order", "payment.order.upserted")):
        own = [event for name, event in events if name == stream]
        if own:
            call.append(EventBatch(stream, hub, "counterfoil", "0", own))  # type: ignore[arg-type]
    return call
