"""PaymentOrderUpserted: a payment order, a full snapshot; its status falls into one of four groups."""

from shared.sync.events.contract import Contract, Field
from shared.sync.events.ledger_entry import REVISION_FIELDS
from shared.sync.events.values import AMOUNT, CURRENCY, FREE_TEXT, IDENTIFIER, INSTANT, SHORT_TEXT

STATUS_GROUPS = {
    "SUCCESS": ("SETTLED", "COMPLETED", "SUCCESS", "SUCCEEDED", "PAID"),
    "FAIL": ("FAILED", "CANCELLED", "CANCELED", "REJECTED", "DECLINED"),
    "IN_PROGRESS": ("CREATED", "PENDING", "PROCESSING", "AUTHORIZED"),
}
_GROUP_OF = {status: group for group, statuses in STATUS_GROUPS.items() for status in statuses}


def status_group(status: str) -> str:
    """SUCCESS, FAIL, IN_PROGRESS, or UNKNOWN for any other status; case and outer blanks do not count."""
    return _GROUP_OF.get(status) or _GROUP_OF.get(status.strip().upper(), "UNKNOWN")


PAYMENT_ORDER = Contract(
    stream="payment_order",
    title="PaymentOrderUpserted",
    digest_prefix="payment_order/1",
    fields=(
        Field("order_id", IDENTIFIER, required=True, meaning="key of the order"),
        Field("amount", AMOUNT, required=True, meaning="how much was ordered"),
        Field("currency", CURRENCY, default="currency", meaning="ISO 4217; default from settings"),
        Field("status", SHORT_TEXT, required=True, meaning="the producer's word, kept; grouped by us"),
        Field("created_at", INSTANT, required=True, meaning="when the order was placed"),
        Field("user_id", IDENTIFIER, meaning="who ordered"),
        Field("merchant_name", FREE_TEXT, meaning="as people know the merchant"),
        Field("merchant_id", IDENTIFIER, meaning="as systems know the merchant"),
        Field("site_id", IDENTIFIER, default="site_id", meaning="operating unit; default from settings"),
    ),
    revision_fields=REVISION_FIELDS,
)
