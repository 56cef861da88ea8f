"""Look-up of transactions over HTTP."""

import azure.functions as func

from functions.edge.endpoint import Answer, Endpoint, Request
from functions.edge.fields import Fields, identifier
from functions.edge.http import build_blueprint
from shared.lookup.answer import TransactionAnswer
from shared.lookup.find_transaction import find_transaction
from shared.runtime import Runtime
from shared.security.model import Permission


def _get(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    tx_id = identifier(request, fields, "tx_id", "GET /api/tx?id=")
    fields.close()
    return Answer(find_transaction(runtime, request.context, tx_id))


ENDPOINTS = (
    Endpoint(
        name="http_tx",
        route="tx/{tx_id?}",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=("id",),
        answers=frozenset({200}),
        handle=_get,
        summary="One transaction with its order and both sides of its pair.",
        response=TransactionAnswer,
        errors=("TX_NOT_FOUND",),
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the transaction look-up."""
    return build_blueprint(runtime, ENDPOINTS)
