"""What the store holds for a transaction, and the rules that read it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

STATUS_GROUPS = ("SUCCESS", "FAIL", "IN_PROGRESS", "UNKNOWN")
PAYMENT_ORDER = "PAYMENT_ORDER"
OPPOSITE_SIDE = {"PAYMENT": "RECEIVE", "RECEIVE": "PAYMENT"}


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in the order of lists: event_time descending, then tx_id."""

    event_time: datetime
    tx_id: str


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
    """The meeting of an order's PAYMENT and RECEIVE entry as stored."""

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
class Transaction:
    """An entry with the order and the pair it points to; both None when it points to no payment order."""

    entry: Entry
    order: Order | None
    pair: Pair | None

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


def pairs_up(entry: Entry) -> bool:
    """Whether an entry takes part in pairing at all; one that does not answers UNKNOWN."""
    follows_order = entry.related_id is not None and entry.related_type in (None, PAYMENT_ORDER)
    return follows_order and entry.entry_type in OPPOSITE_SIDE
