"""Small worlds of events, and every way in which one of them can arrive: each order, each split into batches."""

from collections.abc import Iterator, Sequence
from itertools import pairwise, permutations
from typing import Any

import psycopg

from infra.local.simulate.stored import TABLES
from shared.runtime import Runtime
from tests.support.oracle import Oracle, Row, folded
from tests.support.sync_events import Sent, entry, ingest, order, outcomes
from tests.support.sync_state import converged_pairs, converged_rows

Owner = psycopg.Connection[Any]
EARLY, LATE = "2026-11-23T11:00:00Z", "2026-11-23T11:00:00.5Z"


def payment(number: int, **fields: Any) -> Sent:
    """A version of the payment p-1."""
    return entry(number, "p-1", entry_type="PAYMENT", **fields)


def receive(number: int, **fields: Any) -> Sent:
    """A version of the receive r-1."""
    return entry(number, "r-1", entry_type="RECEIVE", **{"wallet_id": "w-2", **fields})


# Each of five events; the first four of each are the everyday campaign.
WORLDS: dict[str, tuple[Sent, ...]] = {
    "three versions of a payment, a receive and the order": (
        payment(1, version=1, amount="1"),
        payment(2, version=3, amount="3"),
        payment(3, version=2, amount="2"),
        receive(4, amount="3"),
        order(5, amount="3"),
    ),
    "three versions of the order and both sides": (
        order(1, updated_at=EARLY, status="CREATED"),
        order(2, updated_at=LATE, status="SETTLED"),
        order(3, updated_at=EARLY, version=1, status="PENDING"),
        payment(4),
        receive(5),
    ),
    "two sides in versions": (
        payment(1, version=1),
        payment(2, version=2, site_id="JP-TOKYO"),
        receive(3, version=1),
        receive(4, version=2, currency="EUR"),
        receive(5, version=3),
    ),
    "a payment re-pointed to and fro": (
        payment(1, version=1, related_id="o-1"),
        payment(2, version=2, related_id="o-2"),
        receive(3, related_id="o-1"),
        payment(4, version=3, related_id="o-1"),
        payment(5, version=4, related_id="o-2", related_type="INVOICE"),
    ),
    "duplicates of one content": (
        payment(1, version=1),
        payment(2, version=2),
        payment(3, version=2),
        receive(4, version=1),
        receive(5, updated_at=EARLY),
    ),
    "bare, with a version only, with a time only": (
        payment(1, amount="1"),
        payment(2, amount="2", version=0),
        payment(3, amount="3", updated_at=EARLY),
        payment(4, amount="4"),
        payment(5, amount="5", updated_at=EARLY, version=0),
    ),
    "conflicts of one age": (
        payment(1, amount="1", version=1),
        payment(2, amount="2", version=1),
        payment(3, amount="1", version=1),
        receive(4, amount="1", updated_at=EARLY),
        receive(5, amount="2", updated_at=EARLY),
    ),
    "a payment re-pointed between two orders": (
        payment(1, version=1, related_id="o-1"),
        payment(2, version=2, related_id="o-2"),
        receive(3, related_id="o-2"),
        order(4, "o-1", amount="9"),
        order(5, "o-2", status="SETTLED"),
    ),
    "rivals for one leg": (
        entry(1, "p-1", version=1, event_time=EARLY),
        entry(2, "p-2", version=1, event_time=EARLY),
        entry(3, "p-1", version=2, event_time=LATE),
        entry(4, "p-3", version=1, event_time=EARLY, related_id="o-2"),
        entry(5, "p-3", version=2, event_time=EARLY),
    ),
}


def splits(events: Sequence[Sent]) -> Iterator[list[Sequence[Sent]]]:
    """Every way to cut a sequence into calls."""
    for cuts in range(2 ** (len(events) - 1)):
        places = [0, *(i + 1 for i in range(len(events) - 1) if cuts >> i & 1), len(events)]
        yield [events[a:b] for a, b in pairwise(places)]


def histories(events: Sequence[Sent]) -> Iterator[list[Sequence[Sent]]]:
    """Every order of the events in every split."""
    for arrival in permutations(events):
        yield from splits(arrival)


FRESH = """
DELETE FROM ledger_entries; DELETE FROM payment_orders; DELETE FROM pairs;
UPDATE stream_positions SET received = '{}', applied = 0, superseded = 0, duplicate = 0, dead_lettered = 0,
    redelivered = 0
"""


def state(owner: Owner) -> tuple[dict[str, Row], ...]:
    """Both streams' rows and the pairs."""
    return (*(converged_rows(owner, stream) for stream in TABLES), converged_pairs(owner))


def run_histories(runtime: Runtime, owner: Owner, events: Sequence[Sent], *, every: int = 1) -> int:
    """Let the events arrive in every way (or every nth) and compare state and outcomes each time."""
    whole = folded(events)
    expected = (*(whole.rows(stream) for stream in TABLES), whole.pairs())
    count = 0
    for number, history in enumerate(histories(events)):
        if number % every:
            continue
        count += 1
        owner.execute(FRESH)
        oracle = Oracle()
        for call in history:
            assert outcomes(ingest(runtime, *call)) == oracle.take(call), history
        assert state(owner) == expected, history
        sums = "SELECT sum(applied + superseded + duplicate), sum(redelivered) FROM stream_positions"
        assert owner.execute(sums).fetchone() == (len(events), 0), history
    return count
