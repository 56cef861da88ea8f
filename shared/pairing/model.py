"""What a pair can be, and what can be odd about it; pure rules, shared by writer, reader and tests."""

from enum import StrEnum


class PairState(StrEnum):
    """OPEN with no leg, INCOMPLETE with one, COMPLETE with both."""

    OPEN = "OPEN"
    INCOMPLETE = "INCOMPLETE"
    COMPLETE = "COMPLETE"


class Anomaly(StrEnum):
    """Facts about an order's entries that a person should look at; they never stop the pairing."""

    AMOUNT_MISMATCH = "AMOUNT_MISMATCH"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    DUPLICATE_PAYMENT = "DUPLICATE_PAYMENT"
    DUPLICATE_RECEIVE = "DUPLICATE_RECEIVE"
    ORDER_MISSING = "ORDER_MISSING"
    SITE_MISMATCH = "SITE_MISMATCH"


ORDER_TYPE = "PAYMENT_ORDER"


def belongs_to_order(related_id: str | None, related_type: str | None) -> bool:
    """Whether an entry belongs to a payment order: related, and its type says so or says nothing."""
    return bool(related_id) and (not related_type or related_type == ORDER_TYPE)
