"""Grants over HTTP: list, give, revoke; break-glass and its review."""

from datetime import datetime, timedelta
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
from shared.security.grants.give_break_glass import give_break_glass
from shared.security.grants.give_grant import give_grant
from shared.security.grants.list_grants import list_grants
from shared.security.grants.model import Grant, GrantPage, Wish
from shared.security.grants.review_break_glass import review_break_glass
from shared.security.grants.revoke_grant import revoke_grant
from shared.security.model import Permission

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
GIVING = (
    "PRINCIPAL_NOT_FOUND",
    "SITE_NOT_FOUND",
    "ROLE_NOT_FOUND",
    "GRANT_BEYOND_OWN",
    "GRANT_EXISTS",
)


class GrantToGive(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role at one site, or at all of them; from now unless told otherwise, and without an end unless it has one."""

    principal_id: Code
    role: Code
    site_id: Code | None = None
    all_sites: bool = False
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    reason: Reason


class BreakGlass(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A role for a few hours from now on."""

    principal_id: Code
    role: Code
    site_id: Code | None = None
    all_sites: bool = False
    hours: Annotated[float, msgspec.Meta(gt=0, le=24)]
    reason: Reason


def _list(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    principal_id = fields.text("principal_id", ID_CHARACTERS_MAX)
    unreviewed = fields.choice("unreviewed", ("true", "false")) == "true"
    limit, cursor = page_of(fields)
    fields.close()
    page = list_grants(
        runtime,
        request.context,
        principal_id=principal_id,
        unreviewed=unreviewed,
        limit=limit,
        cursor=cursor,
    )
    return Answer(page)


def _give(runtime: Runtime, request: Request) -> Answer:
    new = request.read(GrantToGive)
    wish = Wish(
        principal_id=new.principal_id,
        role=new.role,
        site_id=new.site_id,
        all_sites=new.all_sites,
        valid_from=new.valid_from,
        valid_until=new.valid_until,
    )
    return answer_of(give_grant(runtime, request.context, wish, new.reason))


def _break_glass(runtime: Runtime, request: Request) -> Answer:
    new = request.read(BreakGlass)
    wish = Wish(principal_id=new.principal_id, role=new.role, site_id=new.site_id, all_sites=new.all_sites)
    lasts = timedelta(hours=new.hours)
    return answer_of(give_break_glass(runtime, request.context, wish, lasts, new.reason))


def _revoke(runtime: Runtime, request: Request) -> Answer:
    reason, grant_id = request.read(Why).reason, request.path["grant_id"]
    return answer_of(revoke_grant(runtime, request.context, grant_id, reason))


def _review(runtime: Runtime, request: Request) -> Answer:
    reason, grant_id = request.read(Why).reason, request.path["grant_id"]
    return answer_of(review_break_glass(runtime, request.context, grant_id, reason))


ENDPOINTS = (
    Endpoint(
        name="http_grants",
        summary="The standing grants of your sites, or the break-glass ones that wait for their review.",
        route="grants",
        methods=("GET",),
        permission=Permission.PRINCIPAL_MANAGE,
        rate_class="admin",
        query=("principal_id", "unreviewed", *PAGE_PARAMETERS),
        response=GrantPage,
        answers=frozenset({200}),
        handle=_list,
    ),
    Endpoint(
        name="http_grant_give",
        summary="Give a role at a site or at all of them; nobody gives what they do not hold.",
        route="grants",
        methods=("POST",),
        permission=Permission.PRINCIPAL_MANAGE,
        rate_class="admin",
        query=(),
        request=GrantToGive,
        response=Grant,
        answers=frozenset({201}),
        errors=GIVING,
        audit=Action.GRANT_GIVE,
        target="grant",
        idempotency="optional",
        handle=_give,
    ),
    Endpoint(
        name="http_break_glass_give",
        summary="Give a role for a few hours outside the usual way: everybody hears of it, somebody reviews it.",
        route="grants/break-glass",
        methods=("POST",),
        permission=Permission.PRINCIPAL_MANAGE,
        rate_class="admin",
        query=(),
        request=BreakGlass,
        response=Grant,
        answers=frozenset({201}),
        errors=GIVING,
        audit=Action.BREAK_GLASS_GIVE,
        target="grant",
        idempotency="optional",
        handle=_break_glass,
    ),
    Endpoint(
        name="http_grant_revoke",
        summary="Take a grant back: it stops at once.",
        route="grants/{grant_id}/revoke",
        methods=("POST",),
        permission=Permission.PRINCIPAL_MANAGE,
        rate_class="admin",
        query=(),
        request=Why,
        response=Grant,
        answers=frozenset({200}),
        errors=("GRANT_NOT_FOUND", "LAST_ADMINISTRATOR"),
        audit=Action.GRANT_REVOKE,
        target="grant",
        idempotency="optional",
        handle=_revoke,
    ),
    Endpoint(
        name="http_break_glass_review",
        summary="Review a break-glass grant: the reason is what you found.",
        route="grants/{grant_id}/review",
        methods=("POST",),
        permission=Permission.PRINCIPAL_MANAGE,
        rate_class="admin",
        query=(),
        request=Why,
        response=Grant,
        answers=frozenset({200}),
        errors=("GRANT_NOT_FOUND",),
        audit=Action.BREAK_GLASS_REVIEW,
        target="grant",
        idempotency="optional",
        handle=_review,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of grants."""
    return build_blueprint(runtime, ENDPOINTS)
