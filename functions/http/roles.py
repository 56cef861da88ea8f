"""Roles over HTTP: what each allows and shows, and changing that."""

import azure.functions as func
import msgspec

from functions.edge.endpoint import Answer, Endpoint, Request, answer_of
from functions.edge.http import build_blueprint
from functions.edge.why import Reason
from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security.model import Field, Permission
from shared.security.roles.change_role import change_role
from shared.security.roles.list_roles import list_roles
from shared.security.roles.model import RoleList, RoleState, Wish


class RoleChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What shall be otherwise; what is left out stays. The lists are whole: what they do not name is taken away."""

    permissions: frozenset[Permission] | None = None
    shown_fields: frozenset[Field] | None = None
    is_active: bool | None = None
    reason: Reason


def _list(runtime: Runtime, request: Request) -> Answer:
    return Answer(list_roles(runtime, request.context))


def _change(runtime: Runtime, request: Request) -> Answer:
    change = request.read(RoleChange)
    wish = Wish(permissions=change.permissions, shown_fields=change.shown_fields, is_active=change.is_active)
    role, version = request.path["role_id"], request.if_match
    return answer_of(change_role(runtime, request.context, role, wish, change.reason, version))


ENDPOINTS = (
    Endpoint(
        name="http_roles",
        summary="The roles, and what each allows and shows.",
        route="roles",
        methods=("GET",),
        permission=Permission.PRINCIPAL_MANAGE,
        rate_class="admin",
        query=(),
        response=RoleList,
        answers=frozenset({200}),
        handle=_list,
    ),
    Endpoint(
        name="http_role_change",
        summary="Change what a role allows or shows, or switch it off and on; it holds for everybody at once.",
        route="roles/{role_id}",
        methods=("PATCH",),
        permission=Permission.ROLE_MANAGE,
        rate_class="admin",
        query=(),
        request=RoleChange,
        response=RoleState,
        answers=frozenset({200}),
        errors=("ROLE_NOT_FOUND", "GRANT_BEYOND_OWN", "LAST_ADMINISTRATOR"),
        audit=Action.ROLE_CHANGE,
        target="role",
        idempotency="optional",
        if_match="required",
        handle=_change,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the roles."""
    return build_blueprint(runtime, ENDPOINTS)
