"""LedgerEntryUpserted: one side of a payment, a full snapshot of the entry."""

from shared.sync.events.contract import Contract, Field
from shared.sync.events.values import (
    AMOUNT,
    CODE,
    CURRENCY,
    FREE_TEXT,
    IDENTIFIER,
    INSTANT,
    SIGNED_AMOUNT,
    VERSION,
)

KNOWN_TYPES = (
    "PAYMENT",
    "RECEIVE",
    "CHARGE",
    "WITHDRAW",
    "REFUND_IN",
    "REFUND_OUT",
    "MINT",
    "BURN",
    "HOLD",
    "RELEASE",
    "FEE",
)

REVISION_FIELDS = (
    Field("updated_at", INSTANT, meaning="when the producer last changed it; orders revisions"),
    Field("version", VERSION, meaning="the producer's counter; orders revisions"),
    Field("correlation_id", FREE_TEXT, meaning="follows the payment through logs; else from the properties"),
)

LEDGER_ENTRY = Contract(
    stream="ledger",
    title="LedgerEntryUpserted",
    digest_prefix="ledger/1",
    fields=(
        Field("tx_id", IDENTIFIER, required=True, meaning="key of the entry"),
        Field("wallet_id", IDENTIFIER, required=True, meaning="whose side this is"),
        Field("entry_type", CODE, required=True, meaning="PAYMENT and RECEIVE pair; others stand"),
        Field("amount", AMOUNT, required=True, meaning="how much; never negative"),
        Field("amount_signed", SIGNED_AMOUNT, meaning="with its direction; never derived"),
        Field("currency", CURRENCY, default="currency", meaning="ISO 4217; default from settings"),
        Field("related_id", IDENTIFIER, meaning="the order it belongs to"),
        Field("related_type", CODE, meaning="PAYMENT_ORDER, or absent for the same"),
        Field("event_time", INSTANT, required=True, meaning="when it happened"),
        Field("created_at", INSTANT, default="event_time", meaning="when the producer recorded it"),
        Field("site_id", IDENTIFIER, default="site_id", meaning="operating unit; default from settings"),
    ),
    revision_fields=REVISION_FIELDS,
)
