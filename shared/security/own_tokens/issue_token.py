"""Issue a Counterfoil token to a principal; it is shown in this answer and never again."""

from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.errors.request import FieldProblem, RequestInvalid
from shared.runtime import Runtime
from shared.security.beyond import refuse_beyond
from shared.security.errors import PrincipalNotFound
from shared.security.model import Bounds
from shared.security.own_tokens import policy
from shared.security.own_tokens.model import Wish, wrong_in
from shared.security.own_tokens.write_token import write_token
from shared.security.principals.store import get_principal
from shared.security.roles.store import list_roles
from shared.security.store import list_holdings
from shared.sites.store import get_site
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def issue_token(runtime: Runtime, context: Context, wish: Wish, reason: str) -> Done:
    """The token with its secret. Whoever issues it reads the secret, so it gives what the issuer holds, as long.

    Raises RequestInvalid, PrincipalNotFound, SiteNotFound, GrantBeyondOwn and TokensTooMany.
    """
    settings = runtime.settings

    def act(connection: Connection, now: datetime) -> Effect:
        principal = get_principal(connection, wish.principal_id, context.scope, lock=True)
        if not principal.is_active:
            raise PrincipalNotFound(f"{wish.principal_id} is inactive")
        _check(connection, context, wish, settings.token_life_days_max)
        ends_at = now + policy.life(settings, wish.days)
        holdings = list_holdings(connection, wish.principal_id, now, begun=ends_at)
        refuse_beyond(context.caller, holdings, _bounds(wish), ends_at)
        made = write_token(connection, settings, wish, context.caller.actor, now)
        return Effect(
            body={**made.state, "secret": made.token},
            status=201,
            after=made.state,
            target_id=str(made.state["token_id"]),
            site_id=principal.site_id,
            secrets=frozenset({"secret"}),
        )

    command = Command(action=Action.TOKEN_ISSUE, target_type="token", reason=reason)
    return run_command(runtime, context, command, act)


def _check(connection: Connection, context: Context, wish: Wish, days_max: int) -> None:
    """Raises RequestInvalid and SiteNotFound."""
    wrong = wrong_in(wish, days_max)
    known = {each.role for each in list_roles(connection)}
    if unknown := {*(wish.roles or ())} - known:
        wrong["roles"] = f"there is no role {min(unknown)[:40]}"
    if wrong:
        raise RequestInvalid(*(FieldProblem(name, message) for name, message in wrong.items()))
    for site_id in wish.sites or ():
        get_site(connection, site_id, context.scope)


def _bounds(wish: Wish) -> Bounds:
    return Bounds(
        None if wish.roles is None else frozenset(wish.roles),
        None if wish.sites is None else frozenset(wish.sites),
    )
