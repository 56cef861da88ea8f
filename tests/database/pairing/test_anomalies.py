"""What a person should look at; anomalies never stop the pairing."""

from typing import Any

import psycopg
import pytest

from shared.pairing.model import Anomaly
from shared.runtime import Runtime
from tests.support.oracle import folded
from tests.support.sync_events import Sent, entry, ingest, order
from tests.support.sync_state import assert_converged, fetch_rows

Owner = psycopg.Connection[Any]


def payment(number: int, tx_id: str = "p-1", **fields: Any) -> Sent:
    return entry(number, tx_id, **{"entry_type": "PAYMENT", **fields})


def receive(number: int, tx_id: str = "r-1", **fields: Any) -> Sent:
    return entry(number, tx_id, **{"entry_type": "RECEIVE", **fields})


CASES: list[tuple[str, list[Sent], set[str]]] = [
    ("nothing odd", [order(1), payment(1), receive(2)], set()),
    (
        "equal though written differently",
        [order(1, amount="10.00"), payment(1, amount=10), receive(2)],
        set(),
    ),
    ("no order", [payment(1), receive(2)], {"ORDER_MISSING"}),
    ("no order, only a fee", [payment(1, entry_type="FEE")], {"ORDER_MISSING"}),
    ("order without entries", [order(1)], set()),
    ("legs differ in amount", [order(1), payment(1), receive(2, amount="9.99")], {"AMOUNT_MISMATCH"}),
    ("order differs from its legs", [order(1, amount="9"), payment(1), receive(2)], {"AMOUNT_MISMATCH"}),
    ("order differs from its only leg", [order(1, amount="9"), payment(1)], {"AMOUNT_MISMATCH"}),
    ("order differs from its receive", [order(1, amount="9"), receive(1)], {"AMOUNT_MISMATCH"}),
    (
        "fees are not netted",
        [order(1), payment(1), receive(2, amount="9"), payment(3, "f", entry_type="FEE", amount="1")],
        {"AMOUNT_MISMATCH"},
    ),
    ("legs in two currencies", [order(1), payment(1), receive(2, currency="EUR")], {"CURRENCY_MISMATCH"}),
    (
        "other currency, other amount",
        [order(1), payment(1), receive(2, currency="EUR", amount="9")],
        {"CURRENCY_MISMATCH"},
    ),
    (
        "order in another currency",
        [order(1, currency="EUR", amount="1"), payment(1), receive(2)],
        {"CURRENCY_MISMATCH"},
    ),
    ("order in another currency than its leg", [order(1, currency="EUR"), receive(1)], {"CURRENCY_MISMATCH"}),
    (
        "amounts differ within one currency beside another",
        [order(1, currency="EUR"), payment(1), receive(2, amount="9")],
        {"AMOUNT_MISMATCH", "CURRENCY_MISMATCH"},
    ),
    ("two payments", [order(1), payment(1), payment(2, "p-2"), receive(3)], {"DUPLICATE_PAYMENT"}),
    (
        "three receives",
        [order(1), payment(1), *(receive(n, f"r-{n}") for n in (2, 3, 4))],
        {"DUPLICATE_RECEIVE"},
    ),
    (
        "a rival's amount does not count",
        [order(1), payment(1), payment(2, "p-2", amount="99"), receive(3)],
        {"DUPLICATE_PAYMENT"},
    ),
    (
        "a rival of another type of relation is none",
        [order(1), payment(1), payment(2, "p-2", related_type="INVOICE")],
        set(),
    ),
    ("legs of two sites", [order(1), payment(1), receive(2, site_id="JP-TOKYO")], {"SITE_MISMATCH"}),
    ("order of another site", [order(1, site_id="JP-TOKYO"), payment(1)], {"SITE_MISMATCH"}),
    (
        "everything at once",
        [payment(1), payment(2, "p-2"), receive(3, amount="9", site_id="JP-TOKYO"), receive(4, "r-2")],
        {"AMOUNT_MISMATCH", "DUPLICATE_PAYMENT", "DUPLICATE_RECEIVE", "ORDER_MISSING", "SITE_MISMATCH"},
    ),
]


@pytest.mark.parametrize(("events", "anomalies"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
@pytest.mark.parametrize("together", [True, False])
def test_anomalies(
    runtime: Runtime, owner: Owner, events: list[Sent], anomalies: set[str], together: bool
) -> None:
    for call in [events] if together else [[each] for each in reversed(events)]:
        ingest(runtime, *call)
    (pair,) = fetch_rows(owner, "pairs", "order_id").values()
    assert set(pair["anomalies"]) == anomalies
    assert len(pair["anomalies"]) == len(anomalies)
    assert_converged(owner, folded(events))


def test_every_kind_of_anomaly_has_a_case() -> None:
    assert set().union(*(anomalies for _, _, anomalies in CASES)) == set(Anomaly)


def test_an_anomaly_goes_when_its_cause_goes(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, payment(1, version=1, amount="9"), payment(2, "p-2", version=1), receive(3))
    ingest(runtime, payment(4, version=2), payment(5, "p-2", version=2, related_id="o-2"), order(1))
    pairs = fetch_rows(owner, "pairs", "order_id")
    assert {key: pair["anomalies"] for key, pair in pairs.items()} == {"o-1": [], "o-2": ["ORDER_MISSING"]}
