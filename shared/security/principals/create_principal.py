"""Register a person or a service: it can be granted roles then, and holds none yet."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.errors.request import FieldProblem, RequestInvalid
from shared.runtime import Runtime
from shared.security.errors import GrantBeyondOwn
from shared.security.principals.model import NewPrincipal, wrong_in
from shared.security.principals.store import Row, insert_principal
from shared.sites.store import get_site
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def create_principal(runtime: Runtime, context: Context, wished: NewPrincipal, reason: str) -> Done:
    """The principal as it was made. Raises RequestInvalid, SiteNotFound, GrantBeyondOwn and PrincipalExists."""

    def act(connection: Connection, now: datetime) -> Effect:
        if wrong := wrong_in(wished):
            raise RequestInvalid(*(FieldProblem(name, message) for name, message in wrong.items()))
        _require_site(connection, context, wished.site_id)
        row = Row(
            principal_id=wished.principal_id or runtime.ids.new(),
            kind=wished.kind,
            name=wished.name.strip(),
            issuer=None if wished.subject is None else runtime.settings.oidc_issuer,
            subject=None if wished.subject is None else wished.subject.strip(),
            site_id=wished.site_id,
            by=context.caller.actor,
        )
        made = asdict(insert_principal(connection, row, now))
        return Effect(body=made, status=201, after=made, target_id=row.principal_id)

    command = Command(
        action=Action.PRINCIPAL_CREATE,
        target_type="principal",
        target_id=wished.principal_id,
        site_id=wished.site_id,
        reason=reason,
    )
    return run_command(runtime, context, command, act)


def _require_site(connection: Connection, context: Context, site_id: str | None) -> None:
    """Who is managed by no site is made by who holds all of them."""
    if site_id is not None:
        get_site(connection, site_id, context.scope)
    elif not context.scope.everything:
        raise GrantBeyondOwn("a principal without a site is made by who holds all sites")
