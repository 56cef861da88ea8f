"""Make the first administrator with the secret of the first start: once, and then never again."""

import hmac
from dataclasses import asdict, replace
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action, PrincipalType
from shared.errors.request import FieldProblem, RequestInvalid
from shared.runtime import Runtime
from shared.security import store
from shared.security.errors import BootstrapVoid
from shared.security.grants.store import Row as GrantRow
from shared.security.grants.store import insert_grant
from shared.security.model import Caller, Permission, Role
from shared.security.own_tokens.model import Wish as TokenWish
from shared.security.own_tokens.write_token import write_token
from shared.security.principals.model import NewPrincipal, wrong_in
from shared.security.principals.store import Row as PrincipalRow
from shared.security.principals.store import insert_principal
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect

TOKEN_NAME = "first administrator"


# The secret is all that is known of who calls; no principal's id holds a colon.
_HOLDER = Caller(
    principal_id="system:bootstrap", actor="system:bootstrap", principal_type=PrincipalType.SYSTEM
)


def bootstrap_administrator(
    runtime: Runtime, request_id: str, secret: str, wished: NewPrincipal, reason: str
) -> Done:
    """The administrator of all sites, and a token to begin with. Raises BootstrapVoid and RequestInvalid.

    Of many who try at once one comes through.
    """
    expected = runtime.settings.bootstrap_secret
    if not expected or not hmac.compare_digest(expected.encode(), secret.encode()):
        raise BootstrapVoid("the secret is wrong, or none is set")
    administrator = replace(wished, principal_id=wished.principal_id or runtime.ids.new(), site_id=None)
    grant_id = runtime.ids.new()
    context = Context(
        caller=_HOLDER, permission=Permission.PRINCIPAL_MANAGE, resource="bootstrap", request_id=request_id
    )

    def act(connection: Connection, now: datetime) -> Effect:
        if wrong := wrong_in(administrator):
            raise RequestInvalid(*(FieldProblem(name, message) for name, message in wrong.items()))
        if not store.lock_bootstrap(connection):
            raise BootstrapVoid("it was used")
        principal = insert_principal(connection, _row(runtime, administrator), now)
        store.use_bootstrap(connection, principal.principal_id, now)
        insert_grant(connection, _grant(grant_id, principal.principal_id, reason, now), now)
        token = TokenWish(principal_id=principal.principal_id, name=TOKEN_NAME)
        made = write_token(connection, runtime.settings, token, _HOLDER.actor, now)
        told = {**asdict(principal), "grant_id": grant_id, "token_id": made.state["token_id"]}
        return Effect(
            body={**told, "secret": made.token}, status=201, after=told, secrets=frozenset({"secret"})
        )

    command = Command(
        action=Action.BOOTSTRAP,
        target_type="principal",
        target_id=administrator.principal_id,
        reason=reason,
    )
    return run_command(runtime, context, command, act)


def _row(runtime: Runtime, wished: NewPrincipal) -> PrincipalRow:
    assert wished.principal_id is not None, "an id was made where none was wished"
    return PrincipalRow(
        principal_id=wished.principal_id,
        kind=wished.kind,
        name=wished.name.strip(),
        issuer=None if wished.subject is None else runtime.settings.oidc_issuer,
        subject=None if wished.subject is None else wished.subject.strip(),
        site_id=None,
        by=_HOLDER.actor,
    )


def _grant(grant_id: str, principal_id: str, reason: str, now: datetime) -> GrantRow:
    return GrantRow(
        grant_id=grant_id,
        principal_id=principal_id,
        role=Role.ADMINISTRATOR.value,
        site_id=None,
        all_sites=True,
        valid_from=now,
        valid_until=None,
        break_glass=False,
        reason=reason.strip(),
        by=_HOLDER.actor,
    )
