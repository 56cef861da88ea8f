"""Nobody gives what they do not hold themselves."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from shared.security.errors import GrantBeyondOwn
from shared.security.model import Bounds, Caller, Holding, held_within, union_of


def refuse_beyond(
    caller: Caller, given: Iterable[Holding], bounds: Bounds, until: datetime | None = None
) -> None:
    """Raises GrantBeyondOwn unless the caller may do and sees all that is given within the bounds: there, and as long.

    What is given ends with its holding, or at `until` where that is earlier. A permission for all sites does nothing
    where only some are given, so nobody needs to hold it for that.
    """
    for holding in held_within(given, bounds):
        giver = _lasting(caller, min((each for each in (holding.ends_at, until) if each), default=None))
        for permission in holding.permissions:
            gives_nothing = permission.startswith("all:") and not holding.scope.everything
            if not gives_nothing and not giver.scope_of(permission).covers(holding.scope):
                raise GrantBeyondOwn(f"{caller.actor} does not hold {permission} there as long")
        for field in holding.fields:
            seen = union_of(each.scope for each in giver.holdings if field in each.fields)
            if not seen.covers(holding.scope):
                raise GrantBeyondOwn(f"{caller.actor} does not see {field} there as long")


def _lasting(caller: Caller, end: datetime | None) -> Caller:
    """The caller with those of its holdings that go on to that end: what is lent makes nothing for ever."""
    lasting = (
        each for each in caller.holdings if each.ends_at is None or (end is not None and each.ends_at >= end)
    )
    return replace(caller, holdings=tuple(lasting))
