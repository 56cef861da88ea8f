"""Persons and services over HTTP: list, create, deactivate, activate."""

from typing import Annotated, Literal

import azure.functions as func
import msgspec

from functions.edge.endpoint import Answer, Endpoint, Request, answer_of
from functions.edge.fields import Fields
from functions.edge.http import build_blueprint
from functions.edge.paging import PAGE_PARAMETERS, page_of
from functions.edge.why import Reason, Why
from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security.model import Permission
from shared.security.principals.activate_principal import activate_principal
from shared.security.principals.create_principal import create_principal
from shared.security.principals.deactivate_principal import deactivate_principal
from shared.security.principals.list_principals import list_principals
from shared.security.principals.model import NewPrincipal, Principal, PrincipalPage

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
PrincipalId = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._@-]{0,127}\Z")]


class PrincipalToCreate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who shall be there: `subject` is the id the issuer knows it by, `site_id` the site that manages it."""

    kind: Literal["PERSON", "SERVICE"]
    name: Name
    principal_id: PrincipalId | None = None
    subject: Name | None = None
    site_id: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] | None = None
    reason: Reason


def _list(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    limit, cursor = page_of(fields)
    fields.close()
    return Answer(list_principals(runtime, request.context, limit=limit, cursor=cursor))


def _create(runtime: Runtime, request: Request) -> Answer:
    new = request.read(PrincipalToCreate)
    wished = NewPrincipal(
        kind=new.kind,
        name=new.name,
        principal_id=new.principal_id,
        subject=new.subject,
        site_id=new.site_id,
    )
    return answer_of(create_principal(runtime, request.context, wished, new.reason))


def _deactivate(runtime: Runtime, request: Request) -> Answer:
    reason, principal_id = request.read(Why).reason, request.path["principal_id"]
    return answer_of(deactivate_principal(runtime, request.context, principal_id, reason, request.if_match))


def _activate(runtime: Runtime, request: Request) -> Answer:
    reason, principal_id = request.read(Why).reason, request.path["principal_id"]
    return answer_of(activate_principal(runtime, request.context, principal_id, reason, request.if_match))


ENDPOINTS = (
    Endpoint(
        name="http_principals",
        summary="The persons and services managed where you manage access.",
        route="principals",
        methods=("GET",),
        permission=Permission.PRINCIPAL_MANAGE,
        rate_class="admin",
        query=PAGE_PARAMETERS,
        response=PrincipalPage,
        answers=frozenset({200}),
        handle=_list,
    ),
    Endpoint(
        name="http_principal_create",
        summary="Register a person or a service; it holds nothing yet.",
        route="principals",
        methods=("POST",),
        permission=Permission.PRINCIPAL_MANAGE,
        rate_class="admin",
        query=(),
        request=PrincipalToCreate,
        response=Principal,
        answers=frozenset({201}),
        errors=("SITE_NOT_FOUND", "GRANT_BEYOND_OWN", "PRINCIPAL_EXISTS"),
        audit=Action.PRINCIPAL_CREATE,
        target="principal",
        idempotency="optional",
        handle=_create,
    ),
    Endpoint(
        name="http_principal_deactivate",
        summary="Deactivate a person or a service: whatever it holds, it can do nothing from now on.",
        route="principals/{principal_id}/deactivate",
        methods=("POST",),
        permission=Permission.PRINCIPAL_MANAGE,
        rate_class="admin",
        query=(),
        request=Why,
        response=Principal,
        answers=frozenset({200}),
        errors=("PRINCIPAL_NOT_FOUND", "LAST_ADMINISTRATOR"),
        audit=Action.PRINCIPAL_DEACTIVATE,
        target="principal",
        idempotency="optional",
        if_match="optional",
        handle=_deactivate,
    ),
    Endpoint(
        name="http_principal_activate",
        summary="Activate a person or a service again: what it was granted holds from now on.",
        route="principals/{principal_id}/activate",
        methods=("POST",),
        permission=Permission.PRINCIPAL_MANAGE,
        rate_class="admin",
        query=(),
        request=Why,
        response=Principal,
        answers=frozenset({200}),
        errors=("PRINCIPAL_NOT_FOUND", "GRANT_BEYOND_OWN"),
        audit=Action.PRINCIPAL_ACTIVATE,
        target="principal",
        idempotency="optional",
        if_match="optional",
        handle=_activate,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of persons and services."""
    return build_blueprint(runtime, ENDPOINTS)
