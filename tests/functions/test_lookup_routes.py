"""The look-up routes from request to answer, on a real database."""

from datetime import timedelta
from decimal import Decimal
from urllib.parse import quote

import pytest

from shared.runtime import Runtime
from tests.support.ledger_rows import entry, order, pair, write, write_payment
from tests.support.requests import ask, body_of, fields_of, known_as, send
from tests.support.runtime import NOON


@pytest.fixture
def paid(runtime: Runtime) -> Runtime:
    """A database with one complete payment of order o-1."""
    with runtime.database.transaction() as connection:
        write_payment(connection)
    return runtime


def test_a_transaction_comes_with_order_and_both_sides(paid: Runtime) -> None:
    response = ask(paid, "http_tx", tx_id="o-1-p")
    assert response.status_code == 200
    assert body_of(response) == {
        "tx_id": "o-1-p",
        "wallet_id": "w-1",
        "event_time": "2026-11-23T11:00:00.000000Z",
        "entry_type": "PAYMENT",
        "amount": "10.5",
        "amount_signed": None,
        "currency": "KRW",
        "status": "Settled",
        "status_group": "SUCCESS",
        "sender_wallet_id": "w-1",
        "receiver_wallet_id": "w-2",
        "related": {"related_id": "o-1", "related_type": "PAYMENT_ORDER"},
        "paired_tx_id": "o-1-r",
        "paired_entry_type": "RECEIVE",
        "merchant_name": "[masked]",
        "pairing_status": "COMPLETE",
        "anomalies": [],
        "site": "KR-SEOUL",
        "data_lag_sec": 4,
        "apply_delay_sec": 1,
        "corrected_amount": None,
        "corrections": [],
        "as_of": "2026-11-23T12:00:00.000000Z",
        "order": {
            "order_id": "o-1",
            "amount": "10.5",
            "currency": "KRW",
            "status": "Settled",
            "status_group": "SUCCESS",
            "created_at": "2026-11-23T10:00:00.000000Z",
            "user_id": "[masked]",
            "merchant_name": "[masked]",
            "merchant_id": "m-1",
            "site": "KR-SEOUL",
            "corrected_amount": None,
            "corrections": [],
        },
    }


def test_an_order_comes_with_pair_and_entries(paid: Runtime) -> None:
    answer = body_of(ask(paid, "http_payment_order", order_id="o-1"))
    assert answer["order"]["status"] == "Settled"
    assert answer["pairing_status"] == "COMPLETE"
    assert answer["pair"]["sender_wallet_id"] == "w-1"
    assert answer["pair"]["time_to_complete_sec"] == 60.0
    assert [each["tx_id"] for each in answer["entries"]["items"]] == ["o-1-r", "o-1-p"]
    assert answer["entries"]["next"] is None


def test_the_three_routes_say_the_same_of_a_transaction(paid: Runtime) -> None:
    alone = body_of(ask(paid, "http_tx", tx_id="o-1-p"))
    in_order = body_of(ask(paid, "http_payment_order", order_id="o-1"))["entries"]["items"][1]
    in_wallet = body_of(ask(paid, "http_wallet_tx", wallet_id="w-1"))["items"][0]
    for name in ("as_of", "order"):
        del alone[name]
    assert alone == in_order == in_wallet


def test_an_order_known_only_by_its_entries_answers_without_order(runtime: Runtime) -> None:
    payment = entry("t-1", "w-1", "PAYMENT", related_id="o-9")
    met = pair("o-9", payment, None, anomalies=["ORDER_MISSING"])
    with runtime.database.transaction() as connection:
        write(connection, entries=[payment], met=[met])
    answer = body_of(ask(runtime, "http_payment_order", order_id="o-9"))
    assert answer["order"] is None
    assert answer["pairing_status"] == "INCOMPLETE"
    assert answer["pair"]["anomalies"] == ["ORDER_MISSING"]
    assert answer["entries"]["items"][0]["related"] == {"related_id": "o-9", "related_type": "UNKNOWN"}


def test_an_order_without_entries_answers_with_an_open_pair(runtime: Runtime) -> None:
    with runtime.database.transaction() as connection:
        write(connection, orders=[order("o-1")], met=[pair("o-1", None, None)])
    answer = body_of(ask(runtime, "http_payment_order", order_id="o-1"))
    assert (answer["pairing_status"], answer["entries"]) == ("OPEN", {"items": [], "next": None})


@pytest.mark.parametrize(
    ("name", "path", "code"),
    [
        ("http_tx", {"tx_id": "nobody"}, "TX_NOT_FOUND"),
        ("http_payment_order", {"order_id": "nobody"}, "ORDER_NOT_FOUND"),
    ],
)
def test_what_is_not_there_is_a_404(runtime: Runtime, name: str, path: dict[str, str], code: str) -> None:
    response = ask(runtime, name, **path)
    assert response.status_code == 404
    assert response.mimetype == "application/problem+json"
    assert body_of(response)["code"] == code


def test_a_wallet_nobody_heard_of_has_an_empty_page(runtime: Runtime) -> None:
    answer = body_of(ask(runtime, "http_wallet_tx", wallet_id="nobody"))
    assert (answer["items"], answer["next"]) == ([], None)


@pytest.mark.parametrize("odd", ["with space", "a/b", "1+1", "한국", ".", "..", "50%"])
def test_ids_that_cannot_travel_in_a_path_are_found_by_query(runtime: Runtime, odd: str) -> None:
    with runtime.database.transaction() as connection:
        write(connection, entries=[entry(odd, odd, "CHARGE")], orders=[order(odd)])
    for name, key in (
        ("http_tx", "tx_id"),
        ("http_tx_timeline", "tx_id"),
        ("http_payment_order", "order_id"),
        ("http_payment_order_timeline", "order_id"),
        ("http_wallet_tx", "wallet_id"),
    ):
        assert fields_of(ask(runtime, name, **{key: odd})) == [key]
    query = f"id={quote(odd, safe='')}"
    assert body_of(ask(runtime, "http_tx", query))["tx_id"] == odd
    assert body_of(ask(runtime, "http_payment_order", query, order_id="-"))["order_id"] == odd
    assert body_of(ask(runtime, "http_tx_timeline", query, tx_id="-"))["tx_id"] == odd
    assert body_of(ask(runtime, "http_payment_order_timeline", query, order_id="-"))["order_id"] == odd
    assert (
        body_of(
            send(runtime, "http_tx_lookup", {"Authorization": known_as(runtime)}, body={"tx_ids": [odd]})
        )["items"][0]["tx_id"]
        == odd
    )
    assert body_of(ask(runtime, "http_wallet_tx", query, wallet_id="-"))["items"][0]["wallet_id"] == odd


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", ["id"]),
        ("id=", ["id"]),
        ("id=%20%09", ["id"]),
        ("id=a%00b", ["id"]),
        ("id=" + "x" * 201, ["id"]),
        ("id=%ff", ["query"]),
        ("id=a&id=b", ["id"]),
        ("ids=a", ["ids"]),
        ("id=a&limit=1", ["limit"]),
        ("&".join(f"a{n}=1" for n in range(60)), ["query"]),
    ],
)
def test_a_wrong_query_names_its_field(runtime: Runtime, query: str, fields: list[str]) -> None:
    assert fields_of(ask(runtime, "http_tx", query)) == fields


def test_an_id_in_path_and_query_at_once_is_refused(runtime: Runtime) -> None:
    assert fields_of(ask(runtime, "http_tx", "id=a", tx_id="b")) == ["id"]


def test_an_unknown_parameter_is_told_which_are_known(runtime: Runtime) -> None:
    problem = body_of(ask(runtime, "http_wallet_tx", "form=2026-01-01T00:00:00Z", wallet_id="w"))["errors"][0]
    assert problem["field"] == "form"
    for known in ("from", "to", "entry_type", "status_group", "limit", "cursor"):
        assert known in problem["message"]


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("from=2026-01-01T00:00:00", ["from"]),
        ("from=2026-01-01", ["from"]),
        ("from=2026-01-01T00:00:00+09:00", ["from"]),
        ("from=2026-13-01T00:00:00Z", ["from"]),
        ("from=0001-01-01T00:00:00%2B09:00", ["from"]),
        ("from=yesterday", ["from"]),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", ["from"]),
        ("limit=0", ["limit"]),
        ("limit=101", ["limit"]),
        ("limit=ten", ["limit"]),
        ("limit=%D9%A1", ["limit"]),
        ("limit=", ["limit"]),
        ("status_group=success", ["status_group"]),
        ("entry_type=" + "x" * 41, ["entry_type"]),
        ("from=x&to=y&limit=z&status_group=q", ["from", "to", "status_group", "limit"]),
    ],
)
def test_wrong_filters_are_all_named(runtime: Runtime, query: str, fields: list[str]) -> None:
    assert fields_of(ask(runtime, "http_wallet_tx", query, wallet_id="w")) == fields


def test_a_wallet_is_filtered_by_period_type_and_status(runtime: Runtime) -> None:
    entries = [
        entry("t-1", "w", "PAYMENT", event_time=NOON - timedelta(minutes=3), related_id="o-1"),
        entry("t-2", "w", "CHARGE", event_time=NOON - timedelta(minutes=2)),
        entry("t-3", "w", "CHARGE", event_time=NOON - timedelta(minutes=1), amount=Decimal(3)),
    ]
    met = pair("o-1", entries[0], None)
    with runtime.database.transaction() as connection:
        write(connection, entries=entries, orders=[order("o-1")], met=[met])

    def found(query: str) -> list[str]:
        return [
            each["tx_id"] for each in body_of(ask(runtime, "http_wallet_tx", query, wallet_id="w"))["items"]
        ]

    assert found("") == ["t-3", "t-2", "t-1"]
    assert found("from=2026-11-23T11:58:00Z") == ["t-3", "t-2"]
    assert found("to=2026-11-23T20:58:00%2B09:00") == ["t-2", "t-1"]
    assert found("from=2026-11-23T11:58:00Z&to=2026-11-23T11:58:00Z") == ["t-2"]
    assert found("entry_type=charge") == ["t-3", "t-2"]
    assert found("status_group=SUCCESS") == ["t-1"]
    assert found("status_group=FAIL") == []


def test_rows_of_one_instant_are_all_reached_once(runtime: Runtime) -> None:
    entries = [entry(f"t-{number:03}", "w", "CHARGE", event_time=NOON) for number in range(250)]
    with runtime.database.transaction() as connection:
        write(connection, entries=entries)
    seen: list[str] = []
    query, pages = "limit=100", 0
    while query:
        page = body_of(ask(runtime, "http_wallet_tx", query, wallet_id="w"))
        seen += [each["tx_id"] for each in page["items"]]
        query, pages = page["next"] and f"limit=100&cursor={page['next']}", pages + 1
    assert pages == 3
    assert seen == [each["tx_id"] for each in entries]


def test_a_cursor_belongs_to_its_list(runtime: Runtime) -> None:
    with runtime.database.transaction() as connection:
        write(connection, entries=[entry(f"t-{number}", "w", "CHARGE") for number in range(3)])
    cursor = body_of(ask(runtime, "http_wallet_tx", "limit=1", wallet_id="w"))["next"]
    following = body_of(ask(runtime, "http_wallet_tx", f"limit=2&cursor={cursor}", wallet_id="w"))
    assert [each["tx_id"] for each in following["items"]] == ["t-1", "t-2"]
    for name, query, path in (
        ("http_wallet_tx", f"cursor={cursor}", {"wallet_id": "other"}),
        ("http_wallet_tx", f"cursor={cursor}&entry_type=CHARGE", {"wallet_id": "w"}),
        ("http_payment_order", f"cursor={cursor}", {"order_id": "w"}),
    ):
        response = ask(runtime, name, query, **path)
        assert body_of(response)["code"] == "CURSOR_INVALID"
        assert fields_of(response) == ["cursor"]
