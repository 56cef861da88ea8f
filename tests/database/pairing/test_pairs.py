"""The meeting of an order's PAYMENT and RECEIVE entry: legs, state, and what the pair keeps."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.runtime import NOON, KeptTelemetry, StandingClock
from tests.support.sync_events import ABSENT, Sent, entry, ingest, order
from tests.support.sync_state import fetch_rows

Owner = psycopg.Connection[Any]


def pair(owner: Owner, order_id: str = "o-1") -> dict[str, Any]:
    return fetch_rows(owner, "pairs", "order_id")[order_id]


def legs(owner: Owner, order_id: str = "o-1") -> tuple[str | None, str | None]:
    found = pair(owner, order_id)
    return found["payment_tx_id"], found["receive_tx_id"]


def receive(number: int, tx_id: str = "r-1", **fields: Any) -> Sent:
    return entry(number, tx_id, **{"entry_type": "RECEIVE", "wallet_id": "w-2", **fields})


def test_an_order_alone_is_open(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, order(1, amount="7", currency="EUR"))
    found = pair(owner)
    assert (found["state"], legs(owner), found["anomalies"]) == ("OPEN", (None, None), [])
    assert (found["amount"], found["currency"], found["order_status"]) == (7, "EUR", "CREATED")


def test_everything_a_complete_pair_keeps(runtime: Runtime, owner: Owner) -> None:
    clock = runtime.clock
    assert isinstance(clock, StandingClock)
    ingest(runtime, order(1, status=" Paid ", amount="10.50"))
    ingest(runtime, entry(2, "p-1", amount="10.50"))
    incomplete = pair(owner)
    assert (incomplete["state"], incomplete["incomplete_since"], incomplete["completed_at"]) == (
        "INCOMPLETE",
        NOON,
        None,
    )
    clock.move(minutes=3)
    ingest(runtime, receive(3, amount="10.50", event_time="2026-11-23T11:01:30.250Z"))
    assert pair(owner) == {
        "order_id": "o-1",
        "state": "COMPLETE",
        "anomalies": [],
        "payment_tx_id": "p-1",
        "receive_tx_id": "r-1",
        "sender_wallet_id": "w-1",
        "receiver_wallet_id": "w-2",
        "amount": Decimal("10.5"),
        "currency": "USD",
        "order_status": "Paid",
        "order_status_group": "SUCCESS",
        "site_id": "KR-SEOUL",
        "payment_event_time": NOON - timedelta(hours=1),
        "receive_event_time": NOON - timedelta(minutes=58, seconds=29.75),
        "time_to_complete_seconds": Decimal("90.25"),
        "incomplete_since": None,
        "completed_at": NOON + timedelta(minutes=3),
        "overdue_at": None,
    }


def test_a_receive_before_its_payment_has_a_negative_time(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1, "p-1"), receive(2, event_time="2026-11-23T10:59:50Z"))
    assert pair(owner)["time_to_complete_seconds"] == -10


def test_the_arrival_of_legs_and_order_in_any_order_is_one_pair(runtime: Runtime, owner: Owner) -> None:
    for number, arrival in enumerate(permutations(("order", "payment", "receive"))):
        name = f"o-{number}"
        for step, kind in enumerate(arrival, 10 * number):
            sent = {
                "order": order(step, name, status="SETTLED"),
                "payment": entry(step, f"p-{number}", related_id=name),
                "receive": receive(step, f"r-{number}", related_id=name),
            }[kind]
            ingest(runtime, sent)
    found = fetch_rows(owner, "pairs", "order_id").values()
    assert len(found) == 6
    assert {(p["state"], p["order_status"], tuple(p["anomalies"])) for p in found} == {
        ("COMPLETE", "SETTLED", ())
    }


LATER, SAME = "2026-11-23T11:00:00.000001Z", "2026-11-23T11:00:00Z"


@pytest.mark.parametrize(
    ("rivals", "leg"),
    [
        ([("p-1", LATER), ("p-2", SAME)], "p-2"),
        ([("p-2", SAME), ("p-1", SAME)], "p-1"),
        ([("p-10", SAME), ("p-9", SAME)], "p-10"),
        ([("a", SAME), ("B", SAME)], "B"),
        ([("é", SAME), ("z", SAME)], "z"),
        ([("p-1", "2026-11-23T20:00:00+09:00"), ("p-2", "2026-11-23T10:59:59Z")], "p-2"),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("together", [False, True])
def test_the_leg_is_the_earliest_by_event_time_then_by_id(
    runtime: Runtime, owner: Owner, rivals: list[tuple[str, str]], leg: str, reverse: bool, together: bool
) -> None:
    events = [entry(n, tx_id, event_time=time) for n, (tx_id, time) in enumerate(rivals, 1)]
    events = events[::-1] if reverse else events
    for call in [events] if together else [[each] for each in events]:
        ingest(runtime, *call)
    assert legs(owner) == (leg, None)
    assert "DUPLICATE_PAYMENT" in pair(owner)["anomalies"]


def test_a_leg_that_becomes_later_gives_way(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1, "p-1"), entry(2, "p-2", event_time="2026-11-23T11:00:05Z"))
    assert legs(owner) == ("p-1", None)
    ingest(runtime, entry(3, "p-1", version=1, event_time="2026-11-23T11:00:09Z"))
    assert legs(owner) == ("p-2", None)


@pytest.mark.parametrize(
    ("fields", "pairs_up"),
    [
        ({"related_type": "PAYMENT_ORDER"}, True),
        ({"related_type": "payment_order"}, True),
        ({"related_type": ABSENT}, True),
        ({"related_type": "INVOICE"}, False),
        ({"related_id": ABSENT}, False),
        ({"related_id": ABSENT, "related_type": "PAYMENT_ORDER"}, False),
    ],
)
def test_an_entry_belongs_to_the_order_it_is_related_to(
    runtime: Runtime, owner: Owner, fields: dict[str, Any], pairs_up: bool
) -> None:
    ingest(runtime, order(1), entry(1, "p-1", **fields))
    assert legs(owner) == (("p-1" if pairs_up else None), None)
    assert fetch_rows(owner, "pairs", "order_id").keys() == {"o-1"}


@pytest.mark.parametrize("entry_type", ["CHARGE", "FEE", "HOLD", "REFUND_IN", "PAYMENTS", "SOMETHING"])
def test_only_payment_and_receive_are_legs(runtime: Runtime, owner: Owner, entry_type: str) -> None:
    ingest(runtime, entry(1, "x-1", entry_type=entry_type))
    assert (pair(owner)["state"], pair(owner)["anomalies"]) == ("OPEN", ["ORDER_MISSING"])


@pytest.mark.parametrize(
    ("sites", "site"),
    [
        ({"order": "EU-PARIS", "payment": "JP-TOKYO", "receive": "KR-SEOUL"}, "EU-PARIS"),
        ({"payment": "JP-TOKYO", "receive": "KR-SEOUL"}, "JP-TOKYO"),
        ({"receive": "EU-PARIS"}, "EU-PARIS"),
        ({"order": "JP-TOKYO"}, "JP-TOKYO"),
    ],
)
def test_the_site_is_the_orders_else_the_payments_else_the_receives(
    runtime: Runtime, owner: Owner, sites: dict[str, str], site: str
) -> None:
    events = {
        "order": lambda s: order(1, site_id=s),
        "payment": lambda s: entry(2, "p-1", site_id=s),
        "receive": lambda s: receive(3, site_id=s),
    }
    for kind in reversed(sites):
        ingest(runtime, events[kind](sites[kind]))
    assert pair(owner)["site_id"] == site
    assert ("SITE_MISMATCH" in pair(owner)["anomalies"]) == (len(set(sites.values())) > 1)


def test_an_order_that_changes_its_status_updates_the_pair(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1, "p-1"), receive(2), order(1, version=1))
    before = pair(owner)
    ingest(runtime, order(2, version=2, status="Settled"))
    assert pair(owner) == {**before, "order_status": "Settled", "order_status_group": "SUCCESS"}


def test_complete_falls_back_only_when_a_leg_left(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1, "p-1", version=1), receive(2, version=1), order(1))
    for number, fields in enumerate(({"amount": "11"}, {"site_id": "JP-TOKYO"}, {"currency": "EUR"}), 3):
        ingest(runtime, receive(number, version=number, **fields))
        assert pair(owner)["state"] == "COMPLETE"
    ingest(runtime, receive(9, version=9, entry_type="REFUND_IN"))
    assert (pair(owner)["state"], pair(owner)["completed_at"]) == ("INCOMPLETE", None)


def test_times_to_complete_are_observed_once(runtime: Runtime) -> None:
    telemetry = runtime.telemetry
    assert isinstance(telemetry, KeptTelemetry)
    (result,) = ingest(runtime, entry(1, "p-1"), receive(2, event_time="2026-11-23T11:00:05Z"))
    assert (result.pairs_touched, list(result.completed_after_seconds)) == (1, [5.0])
    (again,) = ingest(runtime, entry(1, "p-1"), receive(2, event_time="2026-11-23T11:00:05Z"))
    assert (again.pairs_touched, list(again.completed_after_seconds)) == (0, [])
    observed = [name for name, _, _ in telemetry.metrics if name == "pair_time_to_complete_seconds"]
    assert len(observed) == 1
