"""Counterfoil's own tokens over HTTP: issue, list, revoke; and one's own: list, rotate, revoke."""

from typing import Annotated

import azure.functions as func
import msgspec

from functions.edge.endpoint import Answer, Endpoint, Request, answer_of
from functions.edge.fields import ID_CHARACTERS_MAX, Fields
from functions.edge.http import build_blueprint
from functions.edge.paging import PAGE_PARAMETERS, page_of
from functions.edge.why import Reason, Why
from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security.model import Permission
from shared.security.own_tokens.issue_token import issue_token
from shared.security.own_tokens.list_expiring_tokens import list_expiring_tokens
from shared.security.own_tokens.list_tokens import list_tokens
from shared.security.own_tokens.model import BOUNDS_MAX, IssuedToken, OwnToken, TokenPage, Wish
from shared.security.own_tokens.revoke_token import revoke_token
from shared.security.own_tokens.rotate_token import rotate_token

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Codes = Annotated[tuple[Code, ...], msgspec.Meta(min_length=1, max_length=BOUNDS_MAX)]


class TokenToIssue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose token, for how many days, and the roles and sites it is cut down to; left out, to nothing."""

    principal_id: Code
    name: Code
    days: Annotated[int, msgspec.Meta(ge=1, le=30)] | None = None
    roles: Codes | None = None
    sites: Codes | None = None
    reason: Reason


def _list(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    principal_id = fields.text("principal_id", ID_CHARACTERS_MAX)
    limit, cursor = page_of(fields)
    fields.close()
    page = list_tokens(runtime, request.context, principal_id=principal_id, limit=limit, cursor=cursor)
    return Answer(page)


def _expiring(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    limit, cursor = page_of(fields)
    fields.close()
    return Answer(list_expiring_tokens(runtime, request.context, limit=limit, cursor=cursor))


def _issue(runtime: Runtime, request: Request) -> Answer:
    new = request.read(TokenToIssue)
    wish = Wish(principal_id=new.principal_id, name=new.name, days=new.days, roles=new.roles, sites=new.sites)
    return answer_of(issue_token(runtime, request.context, wish, new.reason))


def _rotate(runtime: Runtime, request: Request) -> Answer:
    reason, token_id = request.read(Why).reason, request.path["token_id"]
    return answer_of(rotate_token(runtime, request.context, token_id, reason))


def _revoke(runtime: Runtime, request: Request) -> Answer:
    reason, token_id = request.read(Why).reason, request.path["token_id"]
    return answer_of(revoke_token(runtime, request.context, token_id, reason))


ENDPOINTS = (
    Endpoint(
        name="http_tokens",
        summary="The active tokens of the persons and services you manage.",
        route="tokens",
        methods=("GET",),
        permission=Permission.TOKEN_MANAGE,
        rate_class="admin",
        query=("principal_id", *PAGE_PARAMETERS),
        response=TokenPage,
        answers=frozenset({200}),
        handle=_list,
    ),
    Endpoint(
        name="http_tokens_expiring",
        summary="The tokens that end soon, the next one first.",
        route="tokens/expiring",
        methods=("GET",),
        permission=Permission.TOKEN_MANAGE,
        rate_class="admin",
        query=PAGE_PARAMETERS,
        response=TokenPage,
        answers=frozenset({200}),
        handle=_expiring,
    ),
    Endpoint(
        name="http_token_issue",
        summary="Issue a token; its secret is shown in this answer and never again.",
        route="tokens",
        methods=("POST",),
        permission=Permission.TOKEN_MANAGE,
        rate_class="admin",
        query=(),
        request=TokenToIssue,
        response=IssuedToken,
        answers=frozenset({201}),
        errors=("PRINCIPAL_NOT_FOUND", "SITE_NOT_FOUND", "GRANT_BEYOND_OWN", "TOKENS_TOO_MANY"),
        audit=Action.TOKEN_ISSUE,
        target="token",
        idempotency="optional",
        handle=_issue,
    ),
    Endpoint(
        name="http_token_revoke",
        summary="Revoke a token of somebody you manage: it stops at once.",
        route="tokens/{token_id}/revoke",
        methods=("POST",),
        permission=Permission.TOKEN_MANAGE,
        rate_class="admin",
        query=(),
        request=Why,
        response=OwnToken,
        answers=frozenset({200}),
        errors=("TOKEN_NOT_FOUND",),
        audit=Action.TOKEN_REVOKE,
        target="token",
        idempotency="optional",
        handle=_revoke,
    ),
    Endpoint(
        name="http_own_tokens",
        summary="Your own active tokens.",
        route="own-tokens",
        methods=("GET",),
        permission=Permission.TOKEN_OWN,
        rate_class="read",
        query=PAGE_PARAMETERS,
        response=TokenPage,
        answers=frozenset({200}),
        handle=_list,
    ),
    Endpoint(
        name="http_own_token_rotate",
        summary="Rotate your own token: the new secret is shown once, the old one goes on for the overlap.",
        route="own-tokens/{token_id}/rotate",
        methods=("POST",),
        permission=Permission.TOKEN_OWN,
        rate_class="write",
        query=(),
        request=Why,
        response=IssuedToken,
        answers=frozenset({200}),
        errors=("TOKEN_NOT_FOUND", "GRANT_BEYOND_OWN"),
        audit=Action.OWN_TOKEN_ROTATE,
        target="token",
        idempotency="optional",
        handle=_rotate,
    ),
    Endpoint(
        name="http_own_token_revoke",
        summary="Revoke your own token: it stops at once.",
        route="own-tokens/{token_id}/revoke",
        methods=("POST",),
        permission=Permission.TOKEN_OWN,
        rate_class="write",
        query=(),
        request=Why,
        response=OwnToken,
        answers=frozenset({200}),
        errors=("TOKEN_NOT_FOUND",),
        audit=Action.OWN_TOKEN_REVOKE,
        target="token",
        idempotency="optional",
        handle=_revoke,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of Counterfoil's own tokens."""
    return build_blueprint(runtime, ENDPOINTS)
