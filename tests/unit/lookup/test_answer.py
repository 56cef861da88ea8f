"""What a look-up shows of stored rows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.lookup.answer import (
    pair_answer,
    plain_decimal,
    related,
    transaction_answer,
    transaction_lines,
    utc_text,
    whole_seconds,
)
from shared.lookup.model import Entry, Order, Pair, Transaction
from shared.security.model import Field

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ENTRY = Entry(
    tx_id="t-1",
    wallet_id="w-own",
    entry_type="PAYMENT",
    amount=Decimal("5.00"),
    amount_signed=Decimal("-5.00"),
    currency="KRW",
    related_id="o-1",
    related_type="PAYMENT_ORDER",
    event_time=MOMENT,
    site_id="main",
    enqueued_at=MOMENT,
    first_ingested_at=MOMENT,
    ingested_at=MOMENT,
)
ORDER = Order("o-1", Decimal(5), "KRW", "Paid", "SUCCESS", MOMENT, None, "Shop", None, "main")
PAIR = Pair(
    order_id="o-1",
    state="COMPLETE",
    anomalies=["DUPLICATE_PAYMENT"],
    payment_tx_id="t-leg",
    receive_tx_id="t-2",
    sender_wallet_id="w-leg",
    receiver_wallet_id="w-2",
    amount=Decimal("5.00000000"),
    currency="KRW",
    site_id="main",
    time_to_complete_seconds=Decimal("-1.5"),
    incomplete_since=None,
    completed_at=MOMENT,
    overdue_at=None,
)
INCOMPLETE = replace(PAIR, state="INCOMPLETE", receive_tx_id=None, receiver_wallet_id=None, completed_at=None)


def all_of_it(_field: Field, _site_id: str | None) -> bool:
    return True


def line(entry: Entry = ENTRY, order: Order | None = ORDER, pair: Pair | None = PAIR) -> dict[str, object]:
    (shown,) = transaction_lines([Transaction(entry, order, pair)], all_of_it)
    return {name: getattr(shown, name) for name in type(shown).__dataclass_fields__}


@pytest.mark.parametrize(
    ("entry_type", "related_id", "related_type", "status"),
    [
        ("PAYMENT", "o-1", "PAYMENT_ORDER", "COMPLETE"),
        ("RECEIVE", "o-1", "PAYMENT_ORDER", "COMPLETE"),
        ("PAYMENT", "o-1", None, "COMPLETE"),
        ("PAYMENT", None, None, "UNKNOWN"),
        ("PAYMENT", None, "PAYMENT_ORDER", "UNKNOWN"),
        ("PAYMENT", "o-1", "INVOICE", "UNKNOWN"),
        ("FEE", "o-1", "PAYMENT_ORDER", "UNKNOWN"),
        ("REFUND_OUT", "o-1", None, "UNKNOWN"),
    ],
)
def test_pairing_is_unknown_only_where_it_does_not_apply(
    entry_type: str, related_id: str | None, related_type: str | None, status: str
) -> None:
    entry = replace(ENTRY, entry_type=entry_type, related_id=related_id, related_type=related_type)
    shown = line(entry)
    assert shown["pairing_status"] == status
    if status == "UNKNOWN":
        assert (shown["paired_tx_id"], shown["paired_entry_type"], shown["anomalies"]) == (None, None, [])


@pytest.mark.parametrize("pair", [None, INCOMPLETE, replace(INCOMPLETE, state="OPEN", payment_tx_id=None)])
def test_a_payment_that_is_not_complete_is_incomplete(pair: Pair | None) -> None:
    shown = line(pair=pair)
    assert shown["pairing_status"] == "INCOMPLETE"
    assert (shown["paired_tx_id"], shown["paired_entry_type"]) == (None, None)


def test_an_entry_that_is_not_the_leg_shows_the_opposite_leg_and_its_own_wallet() -> None:
    payment = line()
    assert (payment["paired_tx_id"], payment["paired_entry_type"]) == ("t-2", "RECEIVE")
    assert (payment["sender_wallet_id"], payment["receiver_wallet_id"]) == ("w-own", "w-2")
    assert payment["anomalies"] == ["DUPLICATE_PAYMENT"]
    receive = line(replace(ENTRY, entry_type="RECEIVE"))
    assert (receive["paired_tx_id"], receive["paired_entry_type"]) == ("t-leg", "PAYMENT")
    assert (receive["sender_wallet_id"], receive["receiver_wallet_id"]) == ("w-leg", "w-own")


def test_the_own_wallet_is_shown_without_any_pair() -> None:
    alone = replace(ENTRY, related_id=None, related_type=None)
    assert line(alone, None, None)["sender_wallet_id"] == "w-own"
    assert line(replace(alone, entry_type="RECEIVE"), None, None)["receiver_wallet_id"] == "w-own"
    fee = line(replace(alone, entry_type="FEE"), None, None)
    assert (fee["sender_wallet_id"], fee["receiver_wallet_id"], fee["wallet_id"]) == (None, None, "w-own")


@pytest.mark.parametrize(
    ("related_type", "order", "shown"),
    [
        ("INVOICE", None, "INVOICE"),
        ("PAYMENT_ORDER", None, "PAYMENT_ORDER"),
        (None, ORDER, "PAYMENT_ORDER"),
        (None, None, "UNKNOWN"),
    ],
)
def test_the_related_type_shown(related_type: str | None, order: Order | None, shown: str) -> None:
    answer = related(Transaction(replace(ENTRY, related_type=related_type), order, None))
    assert answer is not None
    assert (answer.related_id, answer.related_type) == ("o-1", shown)


def test_without_related_id_nothing_is_related() -> None:
    assert related(Transaction(replace(ENTRY, related_id=None), None, None)) is None


def test_status_and_merchant_are_the_orders() -> None:
    assert (line()["status"], line()["status_group"], line()["merchant_name"]) == ("Paid", "SUCCESS", "Shop")
    shown = line(order=None)
    assert (shown["status"], shown["status_group"], shown["merchant_name"]) == (None, None, None)


def test_a_transaction_by_itself_says_when_it_was_read() -> None:
    answer = transaction_answer(Transaction(ENTRY, None, None), MOMENT, all_of_it)
    assert (answer.as_of, answer.order) == ("2026-01-02T03:04:05.000000Z", None)


def test_delays_are_whole_seconds_and_never_negative() -> None:
    late = replace(
        ENTRY,
        enqueued_at=MOMENT + timedelta(seconds=2.5),
        first_ingested_at=MOMENT + timedelta(seconds=3.999),
        ingested_at=MOMENT + timedelta(days=2, seconds=3),
    )
    shown = line(late)
    assert (shown["data_lag_sec"], shown["apply_delay_sec"]) == (3, 2 * 86_400)
    ahead = replace(
        ENTRY, event_time=MOMENT + timedelta(seconds=9), enqueued_at=MOMENT + timedelta(seconds=9)
    )
    assert (line(ahead)["data_lag_sec"], line(ahead)["apply_delay_sec"]) == (0, 0)


def test_a_backfilled_entry_has_no_apply_delay() -> None:
    assert line(replace(ENTRY, enqueued_at=None))["apply_delay_sec"] is None


def test_a_pair_shows_amount_and_duration() -> None:
    shown = pair_answer(PAIR)
    assert (shown.amount, shown.time_to_complete_sec) == ("5", -1.5)
    assert (shown.completed_at, shown.incomplete_since) == ("2026-01-02T03:04:05.000000Z", None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("10.50000000", "10.5"),
        ("100", "100"),
        ("1E+3", "1000"),
        ("1E-8", "0.00000001"),
        ("0E-8", "0"),
        ("-0.00", "0"),
        ("-1.20", "-1.2"),
        ("99999999999999999999.99999999", "99999999999999999999.99999999"),
    ],
)
def test_amounts_are_the_shortest_plain_decimal(value: str, text: str) -> None:
    assert plain_decimal(Decimal(value)) == text


@given(st.decimals(min_value=-(10**20) + 1, max_value=10**20 - 1, places=8))
def test_a_plain_decimal_keeps_its_value(value: Decimal) -> None:
    text = plain_decimal(value)
    assert Decimal(text) == value
    assert "e" not in text.lower()
    assert not ("." in text and text.endswith(("0", ".")))


@given(
    st.timedeltas(min_value=timedelta(days=-700_000), max_value=timedelta(days=2_900_000)),
    st.integers(-23, 23),
)
def test_times_are_utc_to_the_microsecond(passed: timedelta, offset_hours: int) -> None:
    moment = (MOMENT + passed).astimezone(timezone(timedelta(hours=offset_hours)))
    text = utc_text(moment)
    assert len(text) == len("2026-01-02T03:04:05.000000Z")
    assert text.endswith("Z")
    assert datetime.fromisoformat(text) == moment


@given(st.timedeltas(min_value=timedelta(days=-1), max_value=timedelta(days=10_000)))
def test_whole_seconds_round_down(passed: timedelta) -> None:
    seconds = whole_seconds(MOMENT, MOMENT + passed)
    assert seconds == max(0, passed // timedelta(seconds=1))
