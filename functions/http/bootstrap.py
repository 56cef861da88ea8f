"""The first start over HTTP: the secret of the settings makes the first administrator, once."""

from typing import Annotated, Literal

import azure.functions as func
import msgspec

from functions.edge.endpoint import ANYONE, Answer, Endpoint, Request, answer_of
from functions.edge.http import build_blueprint
from functions.edge.why import Reason
from shared.runtime import Runtime
from shared.security.bootstrap_administrator import bootstrap_administrator
from shared.security.principals.model import FirstAdministrator, NewPrincipal

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
PrincipalId = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._@-]{0,127}\Z")]


class FirstStart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The secret of BOOTSTRAP_SECRET, and who the first administrator shall be."""

    secret: Annotated[str, msgspec.Meta(min_length=1, max_length=512)]
    name: Name
    principal_id: PrincipalId | None = None
    kind: Literal["PERSON", "SERVICE"] = "PERSON"
    subject: Name | None = None
    reason: Reason


def _bootstrap(runtime: Runtime, request: Request) -> Answer:
    first = request.read(FirstStart)
    wished = NewPrincipal(
        kind=first.kind, name=first.name, principal_id=first.principal_id, subject=first.subject
    )
    done = bootstrap_administrator(runtime, request.correlation_id, first.secret, wished, first.reason)
    return answer_of(done)


ENDPOINTS = (
    Endpoint(
        name="http_bootstrap",
        summary="Make the first administrator with the secret of the first start; it works once.",
        route="bootstrap",
        methods=("POST",),
        permission=ANYONE,
        rate_class="public",
        query=(),
        request=FirstStart,
        response=FirstAdministrator,
        answers=frozenset({201}),
        errors=("BOOTSTRAP_VOID", "PRINCIPAL_EXISTS", "C1-SYS-001"),
        handle=_bootstrap,
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The trigger of the first start."""
    return build_blueprint(runtime, ENDPOINTS)
