"""What callers meet at the HTTP edge: who gets in, how refusals look, and pages that reach every row once."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.sample.model import LEDGER
from tests.support.acceptance import Target
from tests.support.acceptance_events import Payment
from tests.support.stack_processes import eventually

PROBLEM = "application/problem+json"
ROWS = 250


@pytest.mark.parametrize(
    ("token", "code"), [("", "AUTH_TOKEN_MISSING"), ("not.a.token", "AUTH_TOKEN_INVALID")]
)
def test_without_a_good_token_nobody_gets_in(target: Target, token: str, code: str) -> None:
    for path in ("tx/tx-1", "payment-orders/ord-1", "wallets/wal-1/tx"):
        answer = target.get(path, token=token)
        assert (answer.status_code, answer.json()["code"]) == (401, code)
        assert answer.headers["content-type"] == PROBLEM
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_changed_token_is_refused(target: Target) -> None:
    head, payload, signature = target.token.split(".")
    forged = f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    assert target.get("tx/tx-1", token=forged).json()["code"] == "AUTH_TOKEN_INVALID"


@pytest.mark.parametrize(
    ("path", "code"), [("tx/nobody", "TX_NOT_FOUND"), ("payment-orders/nobody", "ORDER_NOT_FOUND")]
)
def test_what_never_arrived_is_not_found(target: Target, path: str, code: str) -> None:
    answer = target.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    problem = answer.json()
    assert (problem["status"], problem["code"]) == (404, code)
    assert problem["correlation_id"]


@pytest.mark.parametrize(
    ("path", "query", "fields"),
    [
        ("tx/a b", {}, ["tx_id"]),
        ("tx/tx-1", {"verbose": 1}, ["verbose"]),
        ("wallets/wal-1/tx", {"limit": 101, "from": "2026-11-23T09:00:00"}, ["from", "limit"]),
        ("wallets/wal-1/tx", {"status_group": "MAYBE"}, ["status_group"]),
    ],
)
def test_a_wrong_request_names_every_field(
    target: Target, path: str, query: dict[str, str | int], fields: list[str]
) -> None:
    answer = target.get(path, query)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    problem = answer.json()
    assert problem["code"] == "REQUEST_INVALID"
    assert sorted(error["field"] for error in problem["errors"]) == fields


def test_a_cursor_somebody_wrote_is_refused(target: Target) -> None:
    answer = target.get("wallets/wal-1/tx", {"cursor": "somebody-wrote-this"})
    assert (answer.status_code, answer.json()["code"]) == (422, "CURSOR_INVALID")


@pytest.mark.parametrize("path", ["health/live", "health/ready"])
def test_health_answers_anyone(target: Target, path: str) -> None:
    answer = target.get(path, token="")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def every_page(
    target: Target, path: str, items_of: Callable[[dict[str, Any]], dict[str, Any]], limit: int
) -> list[str]:
    """The tx_ids of all pages, in the order they came."""
    found: list[str] = []
    query: dict[str, str | int] = {"limit": limit}
    for _ in range(ROWS // limit + 2):
        page = items_of(target.get(path, query).raise_for_status().json())
        assert len(page["items"]) <= limit
        found += [item["tx_id"] for item in page["items"]]
        if page["next"] is None:
            return found
        query["cursor"] = page["next"]
    raise AssertionError(f"the pages of {path} do not end")


def test_pages_reach_every_row_once_even_when_all_share_one_time(target: Target) -> None:
    payment = Payment()
    wallet = payment.wallet_id("CHARGE")
    tx_ids = [f"{payment.tx_id('CHARGE')}-{number:03}" for number in range(ROWS)]
    target.publish(LEDGER, [payment.entry("CHARGE", tx_id=tx_id) for tx_id in tx_ids], payment.order_id)
    counted = "SELECT count(*) FROM ledger_entries WHERE wallet_id = %s"
    eventually(lambda: target.rows(counted, wallet) == [(ROWS,)], "all rows of the wallet")

    for limit in (7, 100):
        found = every_page(target, f"wallets/{wallet}/tx", lambda body: body, limit)
        assert Counter(found) == Counter(tx_ids)
    found = every_page(target, f"payment-orders/{payment.order_id}", lambda body: dict(body["entries"]), 100)
    assert Counter(found) == Counter(tx_ids)
