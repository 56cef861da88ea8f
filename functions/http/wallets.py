"""Look-up of a wallet's transactions over HTTP."""

import azure.functions as func

from functions.edge.endpoint import Answer, Endpoint, Request
from functions.edge.fields import ID_CHARACTERS_MAX, Fields, identifier
from functions.edge.http import build_blueprint
from functions.edge.paging import PAGE_PARAMETERS, page_of
from shared.lookup.list_wallet_transactions import WalletTransactionsAnswer, list_wallet_transactions
from shared.lookup.model import STATUS_GROUPS, WalletFilter
from shared.runtime import Runtime
from shared.security.model import Permission

ENTRY_TYPE_CHARACTERS_MAX = 40
# The path segment that says "the id is in ?id="; a wallet of that very name is asked for without ?id=.
ID_IN_QUERY = "-"


def _get(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    wallet_id = _wallet_id(request, fields)
    wanted = _filter(fields)
    limit, cursor = page_of(fields)
    fields.close()
    return Answer(
        list_wallet_transactions(runtime, request.context, wallet_id, wanted, limit=limit, cursor=cursor)
    )


def _wallet_id(request: Request, fields: Fields) -> str:
    if request.path.get("wallet_id") == ID_IN_QUERY and "id" in request.query:
        return fields.text("id", ID_CHARACTERS_MAX) or ""
    return identifier(request, fields, "wallet_id", "GET /api/wallets/-/tx?id=")


def _filter(fields: Fields) -> WalletFilter:
    since, until = fields.instant("from"), fields.instant("to")
    if since and until and since > until:
        fields.refuse("from", "is later than to; exchange them")
    entry_type = fields.text("entry_type", ENTRY_TYPE_CHARACTERS_MAX)
    return WalletFilter(
        since=since,
        until=until,
        entry_type=entry_type.upper() if entry_type else None,
        status_group=fields.choice("status_group", STATUS_GROUPS),
    )


ENDPOINTS = (
    Endpoint(
        name="http_wallet_tx",
        route="wallets/{wallet_id}/tx",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=("id", "from", "to", "entry_type", "status_group", *PAGE_PARAMETERS),
        answers=frozenset({200}),
        handle=_get,
        summary="A page of a wallet's transactions, newest first.",
        response=WalletTransactionsAnswer,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the wallet look-up."""
    return build_blueprint(runtime, ENDPOINTS)
