"""Payment orders by merchant, status and time, newest first."""

from dataclasses import asdict, dataclass

from shared.database.cursor import CursorSigner
from shared.lookup.answer import OrderLine, order_lines, utc_text
from shared.lookup.model import OrderFilter, place_of
from shared.lookup.store import list_orders
from shared.runtime import Runtime
from shared.security.model import Field, Scope, union_of
from shared.spine.model import Context
from shared.spine.reads import recorded_read


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentOrdersAnswer:
    """One page; `next` is the cursor of the following page, None on the last."""

    items: list[OrderLine]
    next: str | None
    as_of: str


def list_payment_orders(
    runtime: Runtime, context: Context, wanted: OrderFilter, *, limit: int, cursor: str | None = None
) -> PaymentOrdersAnswer:
    """Up to `limit` orders of the caller's sites that pass the filter. Raises CursorInvalid.

    A merchant is found by its name only where the caller is shown names; elsewhere the list would tell whose they are.
    """
    filters = {
        name: utc_text(value) if not isinstance(value, str | None) else value
        for name, value in asdict(wanted).items()
    }
    signer = CursorSigner(runtime.settings.cursor_signing_key, "payment-orders/list", filters)
    with recorded_read(runtime, context, [wanted.merchant] if wanted.merchant else []) as reading:
        after = None if cursor is None else place_of(signer.read(cursor))
        named = _names_shown(context)
        found = list_orders(reading.connection, wanted, context.scope, named, after=after, limit=limit + 1)
        page = found[:limit]
        reading.count = len(page)
    return PaymentOrdersAnswer(
        items=order_lines(page, context.caller.sees),
        next=signer.sign(page[-1].place) if len(found) > limit else None,
        as_of=utc_text(reading.now),
    )


def _names_shown(context: Context) -> Scope:
    """The sites whose merchants' names the caller sees."""
    return union_of(each.scope for each in context.caller.holdings if Field.MERCHANT_NAME in each.fields)
