"""Look-up of a wallet's transactions over HTTP."""

import azure.functions as func

from functions.edge.endpoint import Answer, Endpoint, Request
from functions.edge.fields import Fields, identifier_within
from functions.edge.http import build_blueprint
from functions.edge.paging import LOOKUP_LIMIT_MAX, PAGE_PARAMETERS, page_of
from shared.lookup.list_wallet_transactions import WalletTransactionsAnswer, list_wallet_transactions
from shared.lookup.model import STATUS_GROUPS, WalletFilter
from shared.runtime import Runtime
from shared.security.model import Permission

ENTRY_TYPE_CHARACTERS_MAX = 40


def _get(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    wallet_id = identifier_within(request, fields, "wallet_id", "GET /api/wallets/-/tx?id=")
    wanted = _filter(fields)
    limit, cursor = page_of(fields, LOOKUP_LIMIT_MAX)
    fields.close()
    return Answer(
        list_wallet_transactions(runtime, request.context, wallet_id, wanted, limit=limit, cursor=cursor)
    )


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
        limit_max=LOOKUP_LIMIT_MAX,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the wallet look-up."""
    return build_blueprint(runtime, ENDPOINTS)
