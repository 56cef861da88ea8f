"""Nobody gives what they do not hold themselves."""

from collections.abc import Iterable

from shared.security.errors import GrantBeyondOwn
from shared.security.model import Bounds, Caller, Holding, held_within, union_of


def refuse_beyond(caller: Caller, given: Iterable[Holding], bounds: Bounds) -> None:
    """Raises GrantBeyondOwn unless the caller may do and sees, on the same sites, all that is given within the bounds.

    A permission for all sites does nothing where only some are given, so nobody needs to hold it for that.
    """
    for holding in held_within(given, bounds):
        for permission in holding.permissions:
            gives_nothing = permission.startswith("all:") and not holding.scope.everything
            if not gives_nothing and not caller.scope_of(permission).covers(holding.scope):
                raise GrantBeyondOwn(f"{caller.actor} does not hold {permission} there")
        for field in holding.fields:
            seen = union_of(each.scope for each in caller.holdings if field in each.fields)
            if not seen.covers(holding.scope):
                raise GrantBeyondOwn(f"{caller.actor} does not see {field} there")
