"""Look-up of transactions over HTTP."""

from typing import Annotated

import azure.functions as func
import msgspec

from functions.edge.endpoint import Answer, Endpoint, Request
from functions.edge.fields import ID_CHARACTERS_MAX, Fields, identifier
from functions.edge.http import build_blueprint
from shared.lookup.answer import TransactionAnswer
from shared.lookup.find_transaction import find_transaction
from shared.lookup.find_transactions import TransactionsAnswer, find_transactions
from shared.runtime import Runtime
from shared.security.model import Permission

TxId = Annotated[str, msgspec.Meta(min_length=1, max_length=ID_CHARACTERS_MAX)]


class TransactionsRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The ids to look up, whatever letters they have."""

    tx_ids: Annotated[list[TxId], msgspec.Meta(min_length=1, max_length=100)]


def _get(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    tx_id = identifier(request, fields, "tx_id", "GET /api/tx?id=")
    fields.close()
    return Answer(find_transaction(runtime, request.context, tx_id))


def _many(runtime: Runtime, request: Request) -> Answer:
    names = {f"tx_ids[{at}]": each for at, each in enumerate(request.read(TransactionsRequest).tx_ids)}
    fields = Fields(names)
    tx_ids = [fields.text(name, ID_CHARACTERS_MAX) or "" for name in names]
    fields.close()
    return Answer(find_transactions(runtime, request.context, tx_ids))


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
    Endpoint(
        name="http_tx_lookup",
        route="tx/lookup",
        methods=("POST",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=(),
        answers=frozenset({200}),
        handle=_many,
        summary="Up to 100 transactions at once, each as it is answered alone; unknown ones are named.",
        request=TransactionsRequest,
        response=TransactionsAnswer,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the transaction look-ups."""
    return build_blueprint(runtime, ENDPOINTS)
