"""The events of a run: a sample day, and beside it a few orders that very many events fight over.

Everything follows from the plan: the same plan gives the same bytes in the same order.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count, islice
from random import Random
from typing import Any

import msgspec

from infra.local.sample.day import generate_exactly
from infra.local.sample.malformed import malformed_body
from infra.local.sample.model import LEDGER, MALFORMED_PREFIX, PAYMENT_ORDER, SampleEvent, Stream
from infra.local.sample.sites import SITES
from infra.local.simulate.plan import Fault, Plan, Target

# Long ago, so that no clock refuses it; the same for every run of a seed.
DAY = date(2025, 3, 14)
TANGLED_SHARE = 0.5
STRAY_POISON_SHARE = 0.002
POISON_EVENTS = 6
REORDERED_EVENTS = 150
REPEATED_EVENTS = 150
PARTITION_KEYS = 24
# Few values at a time, so that ties are frequent; they move on, so that no version is the last for ever.
TICK_EVENTS = 100
_NOON = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
_SITES = tuple(site.site_id for site in SITES)
_encode = msgspec.json.Encoder().encode


def is_poison(event: SampleEvent) -> bool:
    """Whether the event can never be applied."""
    return event.kind.startswith(MALFORMED_PREFIX)


def events_of(plan: Plan) -> Iterator[SampleEvent]:
    """All events in the order of sending, exactly as many as planned."""
    return islice(_disturbed(_mixed(plan), plan.of(Target.EVENTS)), plan.events)


def _mixed(plan: Plan) -> Iterator[SampleEvent]:
    """The sample's events and the tangled ones, as chance has it."""
    chance = Random(f"counterfoil mix {plan.seed}")
    day = generate_exactly(plan.seed, plan.events, DAY, malformed_share=STRAY_POISON_SHARE)
    tangled = _tangled(plan)
    while True:
        yield next(tangled) if chance.random() < TANGLED_SHARE else next(day)


def _disturbed(events: Iterator[SampleEvent], faults: Iterable[Fault]) -> Iterator[SampleEvent]:
    """The same events, with the faults of this kind where the plan has them."""
    ahead = deque(faults)
    last: deque[SampleEvent] = deque(maxlen=REPEATED_EVENTS)
    sent = 0
    while True:
        if ahead and sent >= ahead[0].after_events:
            now: Iterable[SampleEvent] = _fault_events(ahead.popleft(), events, tuple(last))
        else:
            now = (next(events),)
        for event in now:
            sent += 1
            last.append(event)
            yield event


def _fault_events(
    fault: Fault, events: Iterator[SampleEvent], last: tuple[SampleEvent, ...]
) -> list[SampleEvent]:
    chance = Random(fault.choice)
    if fault.kind == "repeat":
        return [event._replace(kind="repeated") if not is_poison(event) else event for event in last]
    if fault.kind == "reorder":
        return chance.sample(following := list(islice(events, REORDERED_EVENTS)), len(following))
    return [_poison(chance, fault, number) for number in range(POISON_EVENTS)]


def _poison(chance: Random, fault: Fault, number: int) -> SampleEvent:
    body = _entry(chance, f"poison-{fault.number}-{number}", {"amount": "10", "version": 1})
    kind, data = malformed_body(chance.randrange(64), body)
    return SampleEvent(LEDGER, _key(chance), data, {}, MALFORMED_PREFIX + kind)


def _tangled(plan: Plan) -> Iterator[SampleEvent]:
    """Orders under attack: ties, absent ages, re-pointed entries, changed sites, on many partitions at once."""
    chance = Random(f"counterfoil tangle {plan.seed}")
    for number in count():
        name = f"tangled-{chance.randrange(plan.orders):05}"
        common: dict[str, Any] = {
            "amount": chance.choice(["10", "10.00", "11"]),
            "currency": chance.choice([None, None, "EUR"]),
            "site_id": chance.choice([None, *_SITES]),
            "version": chance.choice([None, 0, 1, 2]),
            "updated_at": chance.choice([None, _time(chance, number), _time(chance, number)]),
            "correlation_id": f"c-{chance.randrange(99)}" if chance.random() < 0.1 else None,
        }
        if chance.random() < 0.3:
            yield _sent(chance, PAYMENT_ORDER, _order(chance, name, common))
        else:
            yield _sent(chance, LEDGER, _entry_of(chance, plan, name, common))


def _time(chance: Random, number: int = 0) -> str:
    """One of three seconds around the number's own, in one of two spellings."""
    moment = _NOON + timedelta(seconds=number // TICK_EVENTS + chance.randrange(3))
    return moment.isoformat().replace("+00:00", chance.choice(["Z", "+00:00"]))


def _order(chance: Random, name: str, common: dict[str, Any]) -> dict[str, Any]:
    status = chance.choice(["CREATED", "settled", "Cancelled", "odd"])
    merchant = chance.choice([None, "Café Óscar"])
    at = f"{DAY.isoformat()}T10:00:00Z"
    return {"order_id": name, "status": status, "created_at": at, "merchant_name": merchant, **common}


def _entry_of(chance: Random, plan: Plan, name: str, common: dict[str, Any]) -> dict[str, Any]:
    side = chance.choice(["PAYMENT", "RECEIVE"])
    key = chance.choice([f"{name}-{side[0]}", f"{name}-{side[0]}", f"{name}-{side[0]}2", f"stray-{side[0]}"])
    other = f"tangled-{chance.randrange(plan.orders):05}"
    body = _entry(chance, key, common)
    body["entry_type"] = side if chance.random() < 0.95 else "FEE"
    body["related_id"] = name if chance.random() < 0.8 else chance.choice([other, None])
    body["related_type"] = chance.choice([None, None, "PAYMENT_ORDER", "INVOICE"])
    return body


def _entry(chance: Random, tx_id: str, common: dict[str, Any]) -> dict[str, Any]:
    wallet = f"wal-{chance.randrange(3)}"
    return {
        "tx_id": tx_id,
        "wallet_id": wallet,
        "entry_type": "PAYMENT",
        "event_time": _time(chance),
        **common,
    }


def _sent(chance: Random, stream: Stream, body: dict[str, Any]) -> SampleEvent:
    """An absent field is left out, or now and then null."""
    written = {name: value for name, value in body.items() if value is not None or chance.random() < 0.1}
    return SampleEvent(stream, _key(chance), _encode(written), {}, "tangled")


def _key(chance: Random) -> str:
    """Not the order's id: its events shall race each other on several partitions."""
    return f"key-{chance.randrange(PARTITION_KEYS)}"
