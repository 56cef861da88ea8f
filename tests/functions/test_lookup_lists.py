"""Bulk look-up, lists of orders and pairs, and timelines from request to answer, on a real database."""

from datetime import timedelta
from typing import Any

import azure.functions as func
import pytest

from functions import declared_endpoints
from functions.edge.endpoint import Endpoint
from functions.edge.openapi import openapi_document, paths_of
from shared.runtime import Runtime
from tests.support.ledger_rows import entry, order, pair, write, write_payment
from tests.support.requests import ask, body_of, fields_of, known_as, send
from tests.support.runtime import NOON


def asked_many(runtime: Runtime, body: object) -> func.HttpResponse:
    return send(runtime, "http_tx_lookup", {"Authorization": known_as(runtime)}, body=body)


@pytest.fixture
def paid(runtime: Runtime) -> Runtime:
    """A database with one complete payment of order o-1."""
    with runtime.database.transaction() as connection:
        write_payment(connection)
    return runtime


ODD = [
    "with space",
    "a/b",
    "1+1",
    "한국",
    ".",
    "..",
    "50%",
    "lookup",
    "-",
    "a,b",
    '"quoted"',
    "{curly}",
    "back\\slash",
]


def test_many_ids_of_any_letters_are_found_as_they_are_alone(paid: Runtime) -> None:
    with paid.database.transaction() as connection:
        write(connection, entries=[entry(each, "w", "CHARGE") for each in ODD])
    answer = body_of(asked_many(paid, {"tx_ids": ["o-1-r", *ODD, "nobody", "o-1-p", " o-1-r\t"]}))
    assert [each["tx_id"] for each in answer["items"]] == ["o-1-r", *ODD, "o-1-p"]
    assert answer["unknown"] == ["nobody"]
    assert answer["items"][-1] == body_of(ask(paid, "http_tx", tx_id="o-1-p"))


def test_a_transaction_named_as_a_route_is_found_in_its_path(paid: Runtime) -> None:
    with paid.database.transaction() as connection:
        write(connection, entries=[entry("lookup", "w", "CHARGE"), entry("-", "w", "CHARGE")])
    assert body_of(ask(paid, "http_tx", tx_id="lookup"))["tx_id"] == "lookup"
    assert body_of(ask(paid, "http_tx_timeline", tx_id="-"))["tx_id"] == "-"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"tx_ids": []}, "tx_ids"),
        ({"tx_ids": ["a"] * 101}, "tx_ids"),
        ({"tx_ids": "a"}, "tx_ids"),
        ({"tx_ids": [1]}, "tx_ids[0]"),
        ({"tx_ids": ["a", ""]}, "tx_ids[1]"),
        ({"tx_ids": ["a", " \t"]}, "tx_ids[1]"),
        ({"tx_ids": ["x" * 201]}, "tx_ids[0]"),
        ({"tx_ids": ["a\x1fb"]}, "tx_ids[0]"),
        ({"tx_ids": ["a\x00b"]}, "tx_ids[0]"),
        ({"ids": ["a"]}, "ids"),
        ({}, "tx_ids"),
        ([], "body"),
    ],
)
def test_wrong_ids_are_named_by_their_place(paid: Runtime, body: object, field: str) -> None:
    assert field in fields_of(asked_many(paid, body))


def test_orders_are_found_by_merchant_status_and_time(runtime: Runtime) -> None:
    orders = [
        order("o-1", created_at=NOON - timedelta(hours=3)),
        order("o-2", created_at=NOON - timedelta(hours=2), status="Failed", status_group="FAIL", site_id="JP-TOKYO"),
        order("o-3", created_at=NOON - timedelta(hours=1), merchant_id="m-2", merchant_name="m-1"),
        order("o-4", created_at=NOON - timedelta(hours=1), merchant_id=None),
    ]  # fmt: skip
    met = pair("o-1", entry("t", "w", "PAYMENT", related_id="o-1"), None)
    with runtime.database.transaction() as connection:
        write(connection, orders=orders, met=[met])

    def found(query: str, role: str = "viewer") -> list[str]:
        credential = {"Authorization": known_as(runtime, role)}
        return [
            each["order_id"]
            for each in body_of(send(runtime, "http_payment_orders", credential, query))["items"]
        ]

    assert found("") == ["o-3", "o-4", "o-2", "o-1"]
    assert found("merchant=m-1") == ["o-2", "o-1"]
    assert found("merchant=m-1", "auditor") == ["o-3", "o-2", "o-1"]
    assert found("merchant=Corner%20Shop") == []
    assert found("merchant=Corner%20Shop", "auditor") == ["o-4", "o-2", "o-1"]
    assert found("status_group=FAIL") == ["o-2"]
    assert found("merchant=m-1&status_group=SUCCESS") == ["o-1"]
    assert found("from=2026-11-23T09:00:00Z&to=2026-11-23T10:00:00Z") == ["o-2", "o-1"]
    assert found("merchant=m-1&from=2026-11-23T10:00:00Z") == ["o-2"]
    lines = body_of(ask(runtime, "http_payment_orders"))["items"]
    assert [each.pop("pairing_status") for each in lines] == ["UNKNOWN", "UNKNOWN", "UNKNOWN", "INCOMPLETE"]
    assert lines[3] == body_of(ask(runtime, "http_payment_order", order_id="o-1"))["order"]


def test_pairs_are_found_by_state_age_anomaly_and_site(runtime: Runtime) -> None:
    def waiting(name: str, minutes: int, **changes: Any) -> dict[str, Any]:
        leg = entry(f"{name}-p", "w", "PAYMENT", related_id=name)
        return pair(name, leg, None, incomplete_since=NOON - timedelta(minutes=minutes), **changes)

    whole = [entry("x-p", "w", "PAYMENT"), entry("x-r", "w", "RECEIVE")]
    met = [
        waiting("o-1", 10),
        waiting("o-2", 20, site_id="JP-TOKYO"),
        waiting("o-3", 15, anomalies=["ORDER_MISSING"]),
        pair("o-0", whole[0], whole[1], anomalies=["AMOUNT_MISMATCH"]),
    ]
    with runtime.database.transaction() as connection:
        write(connection, met=met)

    def found(query: str) -> list[str]:
        return [each["order_id"] for each in body_of(ask(runtime, "http_pairs", query))["items"]]

    assert found("state=INCOMPLETE") == ["o-2", "o-3", "o-1"]
    assert found("state=INCOMPLETE&older_than=PT15M") == ["o-2", "o-3"]
    assert found("state=INCOMPLETE&older_than=p0dt15m") == ["o-2", "o-3"]
    assert found("state=INCOMPLETE&older_than=P1D") == []
    assert found("state=INCOMPLETE&site=JP-TOKYO") == ["o-2"]
    assert found("state=INCOMPLETE&site=%7B%22%5C") == []
    assert found("anomaly=ORDER_MISSING") == ["o-3"]
    assert found("anomaly=AMOUNT_MISMATCH&state=COMPLETE") == ["o-0"]
    assert found("anomaly=AMOUNT_MISMATCH&state=OPEN") == []


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", ["state"]),
        ("state=COMPLETE", ["state"]),
        ("state=incomplete", ["state"]),
        ("anomaly=WRONG", ["anomaly"]),
        ("older_than=PT15M", ["state", "older_than"]),
        ("anomaly=ORDER_MISSING&older_than=PT15M", ["older_than"]),
        *((f"state=INCOMPLETE&older_than={each}", ["older_than"])
          for each in ("15M", "P", "PT", "P1Y", "P1M", "-PT1M", "PT1.5H", "PT1M1H", "P3651D", "P1DT", "%D9%A1", "")),
        ("state=INCOMPLETE&limit=101", ["limit"]),
        ("state=INCOMPLETE&site=", ["site"]),
    ],
)  # fmt: skip
def test_wrong_questions_for_pairs_are_named(runtime: Runtime, query: str, fields: list[str]) -> None:
    assert sorted(fields_of(ask(runtime, "http_pairs", query))) == sorted(fields)


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("id=o-1", ["id"]),
        ("merchant=", ["merchant"]),
        ("merchant=" + "x" * 201, ["merchant"]),
        ("status_group=paid", ["status_group"]),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", ["from"]),
        ("from=2026-01-02", ["from"]),
        ("limit=101", ["limit"]),
    ],
)
def test_wrong_questions_for_orders_are_named(runtime: Runtime, query: str, fields: list[str]) -> None:
    assert fields_of(ask(runtime, "http_payment_orders", query)) == fields


@pytest.mark.parametrize("query", ["", "merchant=m-1", "status_group=SUCCESS"])
def test_250_orders_of_one_instant_are_all_reached_once(runtime: Runtime, query: str) -> None:
    """Also when they are of two sites, so that a page is put together from several."""
    orders = [order(f"o-{n:03}", site_id=("KR-SEOUL", "JP-TOKYO")[n % 2]) for n in range(250)]
    with runtime.database.transaction() as connection:
        write(connection, orders=orders)
    assert pages(runtime, "http_payment_orders", query) == [each["order_id"] for each in orders]


@pytest.mark.parametrize("query", ["state=INCOMPLETE", "anomaly=ORDER_MISSING"])
def test_250_pairs_of_one_instant_are_all_reached_once(runtime: Runtime, query: str) -> None:
    leg = entry("t", "w", "PAYMENT")
    met = [pair(f"o-{n:03}", leg, None, anomalies=["ORDER_MISSING"]) for n in range(250)]
    with runtime.database.transaction() as connection:
        write(connection, met=met)
    assert pages(runtime, "http_pairs", query) == [each["order_id"] for each in met]


def pages(runtime: Runtime, name: str, query: str) -> list[str]:
    """The order ids of all pages of 100."""
    seen: list[str] = []
    asked, count = f"{query}&limit=100", 0
    while asked:
        page = body_of(ask(runtime, name, asked))
        seen += [each["order_id"] for each in page["items"]]
        asked = page["next"] and f"{query}&limit=100&cursor={page['next']}"
        count += 1
    assert count == 3
    return seen


def test_a_cursor_belongs_to_its_list_and_filters(runtime: Runtime) -> None:
    leg = entry("t", "w", "PAYMENT")
    with runtime.database.transaction() as connection:
        write(
            connection,
            orders=[order(f"o-{n}") for n in range(3)],
            met=[pair(f"o-{n}", leg, None, anomalies=["ORDER_MISSING"]) for n in range(3)],
        )
    asked = {
        ("http_payment_orders", ""): ("merchant=m-1", "status_group=SUCCESS", "to=2026-11-30T00:00:00Z"),
        ("http_pairs", "state=INCOMPLETE"): (
            "state=INCOMPLETE&site=KR-SEOUL", "anomaly=ORDER_MISSING", "state=INCOMPLETE&older_than=PT0S",
        ),
    }  # fmt: skip
    for (name, query), others in asked.items():
        cursor = body_of(ask(runtime, name, f"{query}&limit=1"))["next"]
        page = body_of(ask(runtime, name, f"{query}&limit=2&cursor={cursor}"))
        assert [each["order_id"] for each in page["items"]] == ["o-1", "o-2"]
        for other in others:
            assert body_of(ask(runtime, name, f"{other}&cursor={cursor}"))["code"] == "CURSOR_INVALID"


LISTS = [each for each in declared_endpoints() if "limit" in (each.query or ())]


@pytest.mark.parametrize("endpoint", LISTS, ids=lambda each: each.name)
def test_the_most_rows_of_a_page_are_as_declared(runtime: Runtime, endpoint: Endpoint) -> None:
    """The declaration, the description and what is taken."""
    path = dict.fromkeys((name for _, names, _ in paths_of(endpoint) for name in names), "nobody")
    credential = {"Authorization": known_as(runtime, "administrator")}
    wrong = send(runtime, endpoint.name, credential, f"limit={endpoint.limit_max + 1}", path)
    assert "limit" in fields_of(wrong)
    taken = send(runtime, endpoint.name, credential, f"limit={endpoint.limit_max}", path)
    assert taken.status_code != 422 or "limit" not in fields_of(taken)
    described = openapi_document(declared_endpoints())["paths"]
    for written, _, _ in paths_of(endpoint):
        (limit,) = [each for each in described[written]["get"]["parameters"] if each["name"] == "limit"]
        assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": endpoint.limit_max}


def test_look_up_lists_give_a_hundred_rows_at_most() -> None:
    names = {"http_payment_order", "http_payment_orders", "http_wallet_tx", "http_pairs"}
    assert {each.name: each.limit_max for each in LISTS if each.name in names} == dict.fromkeys(names, 100)


@pytest.mark.parametrize(
    ("name", "path", "code"),
    [
        ("http_tx_timeline", {"tx_id": "nobody"}, "TX_NOT_FOUND"),
        ("http_payment_order_timeline", {"order_id": "nobody"}, "ORDER_NOT_FOUND"),
    ],
)
def test_what_is_not_there_has_no_timeline(
    runtime: Runtime, name: str, path: dict[str, str], code: str
) -> None:
    response = ask(runtime, name, **path)
    assert (response.status_code, body_of(response)["code"]) == (404, code)
