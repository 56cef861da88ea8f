"""Look-up of payment orders over HTTP: one of them, and lists by merchant, status and time."""

import azure.functions as func

from functions.edge.endpoint import Answer, Endpoint, Request
from functions.edge.fields import ID_CHARACTERS_MAX, Fields, identifier_within
from functions.edge.http import build_blueprint
from functions.edge.paging import LOOKUP_LIMIT_MAX, PAGE_PARAMETERS, page_of
from shared.lookup.find_payment_order import PaymentOrderAnswer, find_payment_order
from shared.lookup.list_payment_orders import PaymentOrdersAnswer, list_payment_orders
from shared.lookup.model import STATUS_GROUPS, OrderFilter
from shared.runtime import Runtime
from shared.security.model import Permission


def _get(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    order_id = identifier_within(request, fields, "order_id", "GET /api/payment-orders/-?id=")
    limit, cursor = page_of(fields, LOOKUP_LIMIT_MAX)
    fields.close()
    return Answer(find_payment_order(runtime, request.context, order_id, limit=limit, cursor=cursor))


def _list(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    since, until = fields.instant("from"), fields.instant("to")
    if since and until and since > until:
        fields.refuse("from", "is later than to; exchange them")
    wanted = OrderFilter(
        merchant=fields.text("merchant", ID_CHARACTERS_MAX),
        status_group=fields.choice("status_group", STATUS_GROUPS),
        since=since,
        until=until,
    )
    limit, cursor = page_of(fields, LOOKUP_LIMIT_MAX)
    fields.close()
    return Answer(list_payment_orders(runtime, request.context, wanted, limit=limit, cursor=cursor))


ENDPOINTS = (
    Endpoint(
        name="http_payment_orders",
        route="payment-orders",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=("merchant", "status_group", "from", "to", *PAGE_PARAMETERS),
        answers=frozenset({200}),
        handle=_list,
        summary="A page of the payment orders of a merchant, a status or a time, newest first.",
        response=PaymentOrdersAnswer,
        limit_max=LOOKUP_LIMIT_MAX,
    ),
    Endpoint(
        name="http_payment_order",
        route="payment-orders/{order_id}",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=("id", *PAGE_PARAMETERS),
        answers=frozenset({200}),
        handle=_get,
        summary="One payment order with its pair and a page of its entries.",
        response=PaymentOrderAnswer,
        errors=("ORDER_NOT_FOUND",),
        limit_max=LOOKUP_LIMIT_MAX,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the payment-order look-ups."""
    return build_blueprint(runtime, ENDPOINTS)
