"""What the store holds for a transaction, and the rules that read it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from shared.security.model import Scope

STATUS_GROUPS = ("SUCCESS", "FAIL", "IN_PROGRESS", "UNKNOWN")
PAYMENT_ORDER = "PAYMENT_ORDER"
OPPOSITE_SIDE = {"PAYMENT": "RECEIVE", "RECEIVE": "PAYMENT"}
ORDER_MISSING = "ORDER_MISSING"
SITE_MISMATCH = "SITE_MISMATCH"
INCOMPLETE = "INCOMPLETE"


class Place(NamedTuple):
    """A row's place in the order of lists: event_time descending, then tx_id."""

    event_time: datetime
    tx_id: str


def place_of(parts: Sequence[object]) -> Place:
    """The place a cursor was signed for."""
    event_time, tx_id = parts
    assert isinstance(event_time, datetime), "a cursor of this list begins with a time"
    assert isinstance(tx_id, str), "and ends with an id"
    return Place(event_time, tx_id)


@dataclass(frozen=True, slots=True)
class Applied:
    """A correcting entry beside a row; `is_current` while the row is the version it was made for."""

    correction_id: str
    kind: str
    amount_delta: Decimal | None
    note: str | None
    applied_at: datetime
    is_current: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a payment as stored."""

    tx_id: str
    wallet_id: str
    entry_type: str
    amount: Decimal
    amount_signed: Decimal | None
    currency: str
    related_id: str | None
    related_type: str | None
    event_time: datetime
    site_id: str
    enqueued_at: datetime | None
    first_ingested_at: datetime
    ingested_at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """A payment order as stored."""

    order_id: str
    amount: Decimal
    currency: str
    status: str
    status_group: str
    created_at: datetime
    user_id: str | None
    merchant_name: str | None
    merchant_id: str | None
    site_id: str


@dataclass(frozen=True, slots=True)
class Pair:
    """The meeting of an order's PAYMENT and RECEIVE entry as stored, or as much of it as a scope shows."""

    order_id: str
    state: str
    anomalies: list[str]
    payment_tx_id: str | None
    receive_tx_id: str | None
    sender_wallet_id: str | None
    receiver_wallet_id: str | None
    amount: Decimal | None
    currency: str | None
    site_id: str | None
    time_to_complete_seconds: Decimal | None
    incomplete_since: datetime | None
    completed_at: datetime | None
    overdue_at: datetime | None


@dataclass(frozen=True, slots=True)
class Parts:
    """Where a pair's legs belong, and how many entries of each side a scope shows, as far as it matters."""

    payment_site_id: str | None
    receive_site_id: str | None
    payments_seen: int | None
    receipts_seen: int | None


def seen_of(pair: Pair, parts: Parts, scope: Scope) -> Pair:
    """The pair without what comes from rows outside the scope; `state` and SITE_MISMATCH are all they disclose.

    With a part withheld the anomalies that were computed from it are withheld too. A side is duplicate only by entries
    the scope shows. The pair's site is its order's where there is one.
    """
    if scope.everything:
        return pair
    has_order = ORDER_MISSING not in pair.anomalies and pair.site_id is not None
    order_hidden = has_order and not scope.holds(pair.site_id)
    payment_hidden = pair.payment_tx_id is not None and not scope.holds(parts.payment_site_id)
    receive_hidden = pair.receive_tx_id is not None and not scope.holds(parts.receive_site_id)
    some_hidden = order_hidden or payment_hidden or receive_hidden
    seen = replace(pair, anomalies=_anomalies_seen(pair, parts, some_hidden))
    if payment_hidden:
        seen = replace(seen, payment_tx_id=None, sender_wallet_id=None)
    if receive_hidden:
        seen = replace(seen, receive_tx_id=None, receiver_wallet_id=None)
    if _amount_hidden(pair, payment_hidden, receive_hidden, order_hidden):
        seen = replace(seen, amount=None, currency=None)
    if some_hidden:
        seen = replace(seen, overdue_at=None)
    if payment_hidden or receive_hidden:
        seen = replace(seen, time_to_complete_seconds=None, incomplete_since=None, completed_at=None)
    return seen if scope.holds(pair.site_id) else replace(seen, site_id=None)


def _anomalies_seen(pair: Pair, parts: Parts, some_hidden: bool) -> list[str]:
    twice = {
        "DUPLICATE_PAYMENT": (parts.payments_seen or 0) > 1,
        "DUPLICATE_RECEIVE": (parts.receipts_seen or 0) > 1,
    }
    return [each for each in pair.anomalies if twice.get(each, each == SITE_MISMATCH or not some_hidden)]


def _amount_hidden(pair: Pair, payment_hidden: bool, receive_hidden: bool, order_hidden: bool) -> bool:
    """The amount is the PAYMENT leg's, else the RECEIVE leg's, else the order's."""
    if pair.payment_tx_id is not None:
        return payment_hidden
    return receive_hidden if pair.receive_tx_id is not None else order_hidden


@dataclass(frozen=True, slots=True)
class Transaction:
    """An entry with the order and the pair it points to; both None when it points to no payment order.

    An order outside the caller's scope is None as well. Corrections are those of the entry and of the order.
    """

    entry: Entry
    order: Order | None
    pair: Pair | None
    corrections: tuple[Applied, ...] = ()
    order_corrections: tuple[Applied, ...] = ()

    @property
    def place(self) -> Place:
        """Where the next page begins when this one ends a page."""
        return Place(self.entry.event_time, self.entry.tx_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletFilter:
    """Which of a wallet's transactions are asked for; both ends of the period belong to it."""

    since: datetime | None = None
    until: datetime | None = None
    entry_type: str | None = None
    status_group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders are asked for; both ends of the period of `created_at` belong to it.

    `merchant` is the exact merchant_id, or the exact name at the sites whose merchants' names the caller sees.
    """

    merchant: str | None = None
    status_group: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """An order in a list, with what its pair always discloses: the state; None where it has no pair."""

    order: Order
    corrections: tuple[Applied, ...]
    state: str | None

    @property
    def place(self) -> Place:
        """Where the next page begins when this one ends a page."""
        return Place(self.order.created_at, self.order.order_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFilter:
    """Which pairs are asked for: the incomplete ones, or those that show an anomaly."""

    state: str | None = None
    anomaly: str | None = None
    older_than: timedelta | None = None
    site: str | None = None

    @property
    def is_by_age(self) -> bool:
        """Incomplete pairs are listed the oldest first, all others by their order's id."""
        return self.state == INCOMPLETE


@dataclass(frozen=True, slots=True)
class ListedPair:
    """A pair in a list with its order's status; the order is shown wherever the pair's site is."""

    pair: Pair
    order_status: str | None
    order_status_group: str | None


def pairs_up(entry: Entry) -> bool:
    """Whether an entry takes part in pairing at all; one that does not answers UNKNOWN."""
    follows_order = entry.related_id is not None and entry.related_type in (None, PAYMENT_ORDER)
    return follows_order and entry.entry_type in OPPOSITE_SIDE
