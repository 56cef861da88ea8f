"""Timelines of transactions and payment orders over HTTP."""

import azure.functions as func

from functions.edge.endpoint import Answer, Endpoint, Request
from functions.edge.fields import Fields, identifier_within
from functions.edge.http import build_blueprint
from shared.lookup.timeline.find_order_timeline import OrderTimelineAnswer, find_order_timeline
from shared.lookup.timeline.find_transaction_timeline import (
    TransactionTimelineAnswer,
    find_transaction_timeline,
)
from shared.runtime import Runtime
from shared.security.model import Permission


def _of_transaction(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    tx_id = identifier_within(request, fields, "tx_id", "GET /api/tx/-/timeline?id=")
    fields.close()
    return Answer(find_transaction_timeline(runtime, request.context, tx_id))


def _of_order(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    order_id = identifier_within(request, fields, "order_id", "GET /api/payment-orders/-/timeline?id=")
    fields.close()
    return Answer(find_order_timeline(runtime, request.context, order_id))


ENDPOINTS = (
    Endpoint(
        name="http_tx_timeline",
        route="tx/{tx_id}/timeline",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=("id",),
        answers=frozenset({200}),
        handle=_of_transaction,
        summary="What happened to a transaction, its order and its pair, the earliest first.",
        response=TransactionTimelineAnswer,
        errors=("TX_NOT_FOUND",),
    ),
    Endpoint(
        name="http_payment_order_timeline",
        route="payment-orders/{order_id}/timeline",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=("id",),
        answers=frozenset({200}),
        handle=_of_order,
        summary="What happened to a payment order, its entries and its pair, the earliest first.",
        response=OrderTimelineAnswer,
        errors=("ORDER_NOT_FOUND",),
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the timelines."""
    return build_blueprint(runtime, ENDPOINTS)
