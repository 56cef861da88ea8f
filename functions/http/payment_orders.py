"""Look-up of payment orders over HTTP."""

import azure.functions as func

from functions.edge.endpoint import Answer, Endpoint, Request
from functions.edge.fields import Fields, identifier
from functions.edge.http import build_blueprint
from functions.edge.paging import PAGE_PARAMETERS, page_of
from shared.lookup.find_payment_order import PaymentOrderAnswer, find_payment_order
from shared.runtime import Runtime
from shared.security.model import Permission


def _get(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    order_id = identifier(request, fields, "order_id", "GET /api/payment-orders?id=")
    limit, cursor = page_of(fields)
    fields.close()
    return Answer(find_payment_order(runtime, request.context, order_id, limit=limit, cursor=cursor))


ENDPOINTS = (
    Endpoint(
        name="http_payment_order",
        route="payment-orders/{order_id?}",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=("id", *PAGE_PARAMETERS),
        answers=frozenset({200}),
        handle=_get,
        summary="One payment order with its pair and a page of its entries.",
        response=PaymentOrderAnswer,
        errors=("ORDER_NOT_FOUND",),
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the payment-order look-up."""
    return build_blueprint(runtime, ENDPOINTS)
