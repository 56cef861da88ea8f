"""What giving a role takes, whichever way it is given."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from shared.errors.request import FieldProblem, RequestInvalid
from shared.security.beyond import refuse_beyond
from shared.security.errors import GrantBeyondOwn
from shared.security.grants.model import Grant, Wish, wrong_in
from shared.security.grants.store import Row, insert_grant
from shared.security.model import EVERYTHING, UNBOUNDED, Scope
from shared.security.principals.store import get_principal
from shared.security.roles.store import get_active_role
from shared.sites.store import get_site
from shared.spine.model import Context


def write_grant(
    connection: Connection,
    context: Context,
    wish: Wish,
    now: datetime,
    *,
    grant_id: str,
    reason: str,
    break_glass: bool,
) -> Grant:
    """The grant as it was written.

    Raises RequestInvalid, PrincipalNotFound, SiteNotFound, RoleNotFound, GrantBeyondOwn and GrantExists.
    """
    refuse_wrong(wrong_in(wish, now))
    get_principal(connection, wish.principal_id, context.scope)
    holding = get_active_role(connection, wish.role, _where(connection, context, wish))
    refuse_beyond(context.caller, [holding], UNBOUNDED, wish.valid_until)
    row = Row(
        grant_id=grant_id,
        principal_id=wish.principal_id,
        role=wish.role,
        site_id=wish.site_id,
        all_sites=wish.all_sites,
        valid_from=wish.valid_from or now,
        valid_until=wish.valid_until,
        break_glass=break_glass,
        reason=reason.strip(),
        by=context.caller.actor,
    )
    return insert_grant(connection, row, now)


def refuse_wrong(wrong: Mapping[str, str]) -> None:
    """Raises RequestInvalid unless nothing is wrong."""
    if wrong:
        raise RequestInvalid(*(FieldProblem(name, message) for name, message in wrong.items()))


def _where(connection: Connection, context: Context, wish: Wish) -> Scope:
    """All sites are given by who holds all of them."""
    if wish.site_id is not None:
        return Scope(frozenset({get_site(connection, wish.site_id, context.scope).site_id}))
    if not context.scope.everything:
        raise GrantBeyondOwn("all sites are given by who holds all of them")
    return EVERYTHING
