"""What a look-up answers.

Every route builds its answers here, so that they cannot disagree. Amounts are text in normal form (shortest plain
decimal); times are UTC text with Z to the microsecond; delays are whole seconds, rounded down, never negative. What a
caller may not see of a row is masked; what is not there stays null.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.audit.model import MASK
from shared.corrections.model import total
from shared.lookup.model import (
    OPPOSITE_SIDE,
    PAYMENT_ORDER,
    Applied,
    Entry,
    ListedOrder,
    ListedPair,
    Order,
    Pair,
    Transaction,
    pairs_up,
)
from shared.security.model import Field

# Whether a field of a row of that site is shown, see Caller.sees.
Sees = Callable[[Field, str | None], bool]


@dataclass(frozen=True, slots=True)
class Related:
    """What a transaction belongs to."""

    related_id: str
    related_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionLine:
    """A correction that was applied beside a row; not current when the row has changed since."""

    correction_id: str
    kind: str
    amount_delta: str | None
    note: str | None
    applied_at: str
    is_current: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAnswer:
    """An order as callers see it; `corrected_amount` is null where nothing was added to the amount."""

    order_id: str
    amount: str
    currency: str
    status: str
    status_group: str
    created_at: str
    user_id: str | None
    merchant_name: str | None
    merchant_id: str | None
    site: str
    corrected_amount: str | None
    corrections: list[CorrectionLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderLine(OrderAnswer):
    """An order in a list, with the state of its pair; UNKNOWN where it has none."""

    pairing_status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairAnswer:
    """A pair as callers see it; what belongs to a site they may not see is null."""

    state: str
    anomalies: list[str]
    payment_tx_id: str | None
    receive_tx_id: str | None
    sender_wallet_id: str | None
    receiver_wallet_id: str | None
    amount: str | None
    currency: str | None
    site: str | None
    time_to_complete_sec: float | None
    incomplete_since: str | None
    completed_at: str | None
    overdue_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLine(PairAnswer):
    """A pair in a list; status is its order's, null where no order has arrived."""

    order_id: str
    status: str | None
    status_group: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionLine:
    """A transaction in a list."""

    tx_id: str
    wallet_id: str
    event_time: str
    entry_type: str
    amount: str
    amount_signed: str | None
    currency: str
    status: str | None
    status_group: str | None
    sender_wallet_id: str | None
    receiver_wallet_id: str | None
    related: Related | None
    paired_tx_id: str | None
    paired_entry_type: str | None
    merchant_name: str | None
    pairing_status: str
    anomalies: list[str]
    site: str
    data_lag_sec: int
    apply_delay_sec: int | None
    corrected_amount: str | None
    corrections: list[CorrectionLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionAnswer(TransactionLine):
    """A transaction by itself, with its order and the instant it was read."""

    as_of: str
    order: OrderAnswer | None


def transaction_answer(found: Transaction, as_of: datetime, sees: Sees) -> TransactionAnswer:
    """One transaction with its order and the instant it was read."""
    order = order_answer(found.order, found.order_corrections, sees) if found.order else None
    return TransactionAnswer(**_line(found, sees), as_of=utc_text(as_of), order=order)


def transaction_lines(found: Sequence[Transaction], sees: Sees) -> list[TransactionLine]:
    """Transactions of a list, in its order."""
    return [TransactionLine(**_line(each, sees)) for each in found]


def _line(found: Transaction, sees: Sees) -> dict[str, Any]:
    """Status and merchant are the order's; the store gives none to an entry that follows another kind."""
    entry, order = found.entry, found.order
    return {
        "tx_id": entry.tx_id,
        "wallet_id": entry.wallet_id,
        "event_time": utc_text(entry.event_time),
        "entry_type": entry.entry_type,
        "amount": plain_decimal(entry.amount),
        "amount_signed": None if entry.amount_signed is None else plain_decimal(entry.amount_signed),
        "currency": entry.currency,
        "status": order.status if order else None,
        "status_group": order.status_group if order else None,
        "related": related(found),
        "merchant_name": _merchant_name(order, sees) if order else None,
        "site": entry.site_id,
        "data_lag_sec": whole_seconds(entry.event_time, entry.first_ingested_at),
        "apply_delay_sec": whole_seconds(entry.enqueued_at, entry.ingested_at) if entry.enqueued_at else None,
        **_pairing(found),
        **_corrected(entry.amount, found.corrections),
    }


def _corrected(amount: Decimal, corrections: Sequence[Applied]) -> dict[str, Any]:
    """The amount with everything that was added to it, and what that was."""
    corrected = amount
    for each in corrections:
        corrected = corrected if each.amount_delta is None else total(corrected, each.amount_delta)
    return {
        "corrected_amount": plain_decimal(corrected) if any(e.amount_delta for e in corrections) else None,
        "corrections": [_correction_line(each) for each in corrections],
    }


def _correction_line(found: Applied) -> CorrectionLine:
    return CorrectionLine(
        correction_id=found.correction_id,
        kind=found.kind,
        amount_delta=None if found.amount_delta is None else plain_decimal(found.amount_delta),
        note=found.note,
        applied_at=utc_text(found.applied_at),
        is_current=found.is_current,
    )


def _merchant_name(order: Order, sees: Sees) -> str | None:
    return _masked(order.merchant_name, sees(Field.MERCHANT_NAME, order.site_id))


def _masked(value: str | None, is_seen: bool) -> str | None:
    return value if is_seen or value is None else MASK


def related(found: Transaction) -> Related | None:
    """The type shown is the entry's own, else PAYMENT_ORDER when that order exists, else UNKNOWN."""
    entry = found.entry
    if entry.related_id is None:
        return None
    return Related(entry.related_id, entry.related_type or (PAYMENT_ORDER if found.order else "UNKNOWN"))


def _pairing(found: Transaction) -> dict[str, Any]:
    """The pair as this entry sees it: its own wallet on its own side, the leg on the opposite one."""
    entry = found.entry
    pair = found.pair if pairs_up(entry) else None
    is_payment, is_receive = entry.entry_type == "PAYMENT", entry.entry_type == "RECEIVE"
    opposite = None
    if pair is not None:
        opposite = pair.receive_tx_id if is_payment else pair.payment_tx_id
    return {
        "sender_wallet_id": entry.wallet_id if is_payment else pair.sender_wallet_id if pair else None,
        "receiver_wallet_id": entry.wallet_id if is_receive else pair.receiver_wallet_id if pair else None,
        "paired_tx_id": opposite,
        "paired_entry_type": OPPOSITE_SIDE[entry.entry_type] if opposite is not None else None,
        "pairing_status": _pairing_status(entry, pair),
        "anomalies": pair.anomalies if pair else [],
    }


def _pairing_status(entry: Entry, pair: Pair | None) -> str:
    if not pairs_up(entry):
        return "UNKNOWN"
    return "COMPLETE" if pair is not None and pair.state == "COMPLETE" else "INCOMPLETE"


def order_answer(order: Order, corrections: Sequence[Applied], sees: Sees) -> OrderAnswer:
    """Amounts as plain decimals, times in UTC, persons and merchants masked for who may not see them."""
    return OrderAnswer(**_order(order, corrections, sees))


def order_lines(found: Sequence[ListedOrder], sees: Sees) -> list[OrderLine]:
    """Orders of a list, in its order."""
    return [
        OrderLine(**_order(each.order, each.corrections, sees), pairing_status=each.state or "UNKNOWN")
        for each in found
    ]


def _order(order: Order, corrections: Sequence[Applied], sees: Sees) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "amount": plain_decimal(order.amount),
        "currency": order.currency,
        "status": order.status,
        "status_group": order.status_group,
        "created_at": utc_text(order.created_at),
        "user_id": _masked(order.user_id, sees(Field.USER_ID, order.site_id)),
        "merchant_name": _merchant_name(order, sees),
        "merchant_id": order.merchant_id,
        "site": order.site_id,
        **_corrected(order.amount, corrections),
    }


def pair_answer(pair: Pair) -> PairAnswer:
    """Amounts as plain decimals, times in UTC; null where a leg or the order is missing."""
    return PairAnswer(**_pair(pair))


def pair_lines(found: Sequence[ListedPair]) -> list[PairLine]:
    """Pairs of a list, in its order."""
    return [
        PairLine(
            **_pair(each.pair),
            order_id=each.pair.order_id,
            status=each.order_status,
            status_group=each.order_status_group,
        )
        for each in found
    ]


def _pair(pair: Pair) -> dict[str, Any]:
    took = pair.time_to_complete_seconds
    return {
        "state": pair.state,
        "anomalies": pair.anomalies,
        "payment_tx_id": pair.payment_tx_id,
        "receive_tx_id": pair.receive_tx_id,
        "sender_wallet_id": pair.sender_wallet_id,
        "receiver_wallet_id": pair.receiver_wallet_id,
        "amount": None if pair.amount is None else plain_decimal(pair.amount),
        "currency": pair.currency,
        "site": pair.site_id,
        "time_to_complete_sec": None if took is None else float(took),
        "incomplete_since": utc_text_or_none(pair.incomplete_since),
        "completed_at": utc_text_or_none(pair.completed_at),
        "overdue_at": utc_text_or_none(pair.overdue_at),
    }


def plain_decimal(value: Decimal) -> str:
    """The shortest plain decimal: no exponent, no trailing zeros, no sign on zero."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def utc_text(moment: datetime) -> str:
    """The instant in UTC with microseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def utc_text_or_none(moment: datetime | None) -> str | None:
    """The same, null where there is none."""
    return None if moment is None else utc_text(moment)


def whole_seconds(earlier: datetime, later: datetime) -> int:
    """Seconds between two instants, rounded down, 0 when the clocks disagree."""
    return max(0, (later - earlier).days * 86_400 + (later - earlier).seconds)
