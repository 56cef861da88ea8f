"""What a look-up can fail with."""

from shared.errors.base import InputError


class TransactionNotFound(InputError):
    """No ledger entry has this tx_id."""

    code = "TX_NOT_FOUND"


class OrderNotFound(InputError):
    """No payment order has this order_id, and no ledger entry points to it."""

    code = "ORDER_NOT_FOUND"
