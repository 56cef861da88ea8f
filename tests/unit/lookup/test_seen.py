"""What a scope sees of a pair: the parts that are its own, the state, and SITE_MISMATCH."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import pytest

from shared.lookup.answer import order_answer, transaction_lines
from shared.lookup.model import Applied, Entry, Order, Pair, Parts, Transaction, seen_of
from shared.security.model import EVERYTHING, NOTHING, Field, Scope

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WHOLE = Pair(
    order_id="o-1", state="COMPLETE", anomalies=["AMOUNT_MISMATCH", "SITE_MISMATCH"], payment_tx_id="p",
    receive_tx_id="r", sender_wallet_id="w-p", receiver_wallet_id="w-r", amount=Decimal(5), currency="KRW",
    site_id="order", time_to_complete_seconds=Decimal(1), incomplete_since=None, completed_at=MOMENT, overdue_at=None,
)  # fmt: skip
PARTS = Parts("payment", "receive", None, None)
SITES = ("order", "payment", "receive")


@pytest.mark.parametrize("seen", list(product([True, False], repeat=3)))
def test_each_part_shows_by_its_own_site(seen: tuple[bool, bool, bool]) -> None:
    order, payment, receive = seen
    pair = seen_of(
        WHOLE, PARTS, Scope(frozenset(site for site, shows in zip(SITES, seen, strict=True) if shows))
    )
    assert (pair.state, "SITE_MISMATCH" in pair.anomalies) == ("COMPLETE", True)
    assert (pair.payment_tx_id, pair.sender_wallet_id) == (("p", "w-p") if payment else (None, None))
    assert (pair.receive_tx_id, pair.receiver_wallet_id) == (("r", "w-r") if receive else (None, None))
    assert (pair.amount, pair.currency) == ((Decimal(5), "KRW") if payment else (None, None))
    assert pair.site_id == ("order" if order else None)
    assert (pair.completed_at is not None) == (payment and receive)
    assert (pair.time_to_complete_seconds is not None) == (payment and receive)
    assert ("AMOUNT_MISMATCH" in pair.anomalies) == all(seen)


def test_all_of_it_is_for_who_sees_all() -> None:
    assert seen_of(WHOLE, PARTS, EVERYTHING) is WHOLE


def test_the_amount_belongs_to_whom_it_comes_from() -> None:
    only_receive = replace(WHOLE, payment_tx_id=None, sender_wallet_id=None)
    only_order = replace(only_receive, receive_tx_id=None, receiver_wallet_id=None)
    for pair, site in ((only_receive, "receive"), (only_order, "order")):
        assert seen_of(pair, PARTS, Scope(frozenset({site}))).amount == Decimal(5)
        assert seen_of(pair, PARTS, Scope(frozenset({"payment"}))).amount is None


def test_without_an_order_the_pairs_site_is_a_legs() -> None:
    """Then nothing of an order can be withheld: there is none."""
    pair = replace(
        WHOLE, anomalies=["ORDER_MISSING"], site_id="payment", receive_tx_id=None, receiver_wallet_id=None
    )
    assert seen_of(pair, Parts("payment", None, None, None), Scope(frozenset({"payment"}))) == pair


@pytest.mark.parametrize(("seen", "shows"), [(None, False), (0, False), (1, False), (2, True)])
def test_a_side_is_double_by_the_entries_that_show(seen: int | None, shows: bool) -> None:
    mine = Scope(frozenset({"one"}))
    pair = replace(WHOLE, site_id="one", anomalies=["DUPLICATE_PAYMENT", "DUPLICATE_RECEIVE"])
    payments = seen_of(pair, Parts("one", "one", seen, 2), mine).anomalies
    receipts = seen_of(pair, Parts("one", "one", 2, seen), mine).anomalies
    assert payments == (["DUPLICATE_PAYMENT"] if shows else []) + ["DUPLICATE_RECEIVE"]
    assert receipts == ["DUPLICATE_PAYMENT"] + (["DUPLICATE_RECEIVE"] if shows else [])


def test_nobody_sees_but_the_state() -> None:
    pair = seen_of(replace(WHOLE, overdue_at=MOMENT, incomplete_since=MOMENT), PARTS, NOTHING)
    shown = {name: getattr(pair, name) for name in Pair.__dataclass_fields__}
    assert {name for name, value in shown.items() if value} == {"order_id", "state", "anomalies"}


ENTRY = Entry(
    "t-1", "w", "PAYMENT", Decimal("10.50"), None, "KRW", "o-1", None, MOMENT, "main", None, MOMENT, MOMENT
)
ORDER = Order("o-1", Decimal(9), "KRW", "Paid", "SUCCESS", MOMENT, "u-1", "Shop", "m-1", "elsewhere")


def test_masking_asks_for_the_orders_site() -> None:
    asked: list[tuple[Field, str | None]] = []

    def sees(field: Field, site_id: str | None) -> bool:
        asked.append((field, site_id))
        return field is Field.USER_ID

    (line,) = transaction_lines([Transaction(ENTRY, ORDER, None)], sees)
    order = order_answer(ORDER, (), sees)
    assert (line.merchant_name, order.merchant_name, order.user_id) == ("[masked]", "[masked]", "u-1")
    assert {site for _, site in asked} == {"elsewhere"}


def test_the_corrected_amount_is_the_sum_to_the_last_digit() -> None:
    deltas = ["-0.00000001", "99999999999999999989.5", None]
    applied = tuple(
        Applied(f"c-{n}", "ADJUST", None if each is None else Decimal(each), "n", MOMENT, n == 0)
        for n, each in enumerate(deltas)
    )
    (line,) = transaction_lines([Transaction(ENTRY, None, None, applied)], lambda *_: True)
    assert (line.amount, line.corrected_amount) == ("10.5", "99999999999999999999.99999999")
    assert [each.amount_delta for each in line.corrections] == ["-0.00000001", "99999999999999999989.5", None]
    assert [each.is_current for each in line.corrections] == [True, False, False]
