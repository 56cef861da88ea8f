"""Scopes and holdings: what is held where, and what a credential leaves of it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.audit.model import PrincipalType
from shared.security.beyond import refuse_beyond
from shared.security.errors import GrantBeyondOwn
from shared.security.matrix import PERMISSIONS, SHOWN
from shared.security.model import (
    EVERYTHING,
    NOTHING,
    UNBOUNDED,
    Bounds,
    Caller,
    Field,
    Holding,
    Permission,
    Role,
    Scope,
    held_within,
    union_of,
)
from tests.support.callers import caller_with, holding, nobody
from tests.support.runtime import NOON

SITES = ("A", "B", "C", "D")
HOUR = timedelta(hours=1)
scopes = st.one_of(st.just(EVERYTHING), st.builds(Scope, st.frozensets(st.sampled_from(SITES))))
holdings = st.builds(
    lambda role, scope, ends_at: Holding(role.value, scope, PERMISSIONS[role], SHOWN[role], ends_at),
    st.sampled_from(Role),
    scopes,
    st.sampled_from([None, NOON + HOUR, NOON + 2 * HOUR]),
)
bounds = st.builds(
    Bounds,
    st.none() | st.frozensets(st.sampled_from([*Role, "root"])),
    st.none() | st.frozensets(st.sampled_from(SITES)),
)
# A site nobody names stands for all the others.
PLACES = (*SITES, "elsewhere", None)


def caller_of(held: tuple[Holding, ...]) -> Caller:
    return Caller(principal_id="p", actor="p", principal_type=PrincipalType.PERSON, holdings=held)


@given(scopes, scopes)
def test_scopes_are_sets_of_places(one: Scope, two: Scope) -> None:
    for place in PLACES:
        assert (one | two).holds(place) == (one.holds(place) or two.holds(place))
        assert (one & two).holds(place) == (one.holds(place) and two.holds(place))
    assert one.covers(two) == all(one.holds(place) for place in PLACES if two.holds(place))
    assert bool(one) == any(one.holds(place) for place in PLACES)


@given(st.lists(holdings, max_size=4), bounds)
def test_what_a_token_may_do_is_what_its_principal_may_within_the_tokens_bounds(
    held: list[Holding], cut: Bounds
) -> None:
    """Place by place and permission by permission, computed from single grants without any scope algebra."""
    caller = caller_of(held_within(held, cut))
    for permission, place in product(Permission, PLACES):
        may = any(
            permission in each.permissions
            and (each.scope.everything or place in each.scope.sites)
            and (cut.roles is None or each.role in cut.roles)
            and (cut.sites is None or place in cut.sites)
            for each in held
        )
        if permission.startswith("all:"):
            whole = cut.sites is None and any(
                permission in each.permissions
                and each.scope.everything
                and (cut.roles is None or each.role in cut.roles)
                for each in held
            )
            assert bool(caller.scope_of(permission)) == whole
        else:
            assert caller.scope_of(permission).holds(place) == may


def caller_at(moment: datetime, held: Iterable[Holding]) -> Caller:
    return caller_of(tuple(each for each in held if each.ends_at is None or moment < each.ends_at))


@given(
    st.lists(holdings, max_size=4),
    st.lists(holdings, max_size=3),
    bounds,
    st.sampled_from([None, NOON + HOUR, NOON + 3 * HOUR]),
)
def test_nobody_gives_what_they_could_not_do_themselves(
    own: list[Holding], given_: list[Holding], cut: Bounds, until: datetime | None
) -> None:
    """Now, and in each hour in which something of it holds."""
    try:
        refuse_beyond(caller_of(tuple(own)), given_, cut, until)
        passes = True
    except GrantBeyondOwn:
        passes = False
    hours = [NOON + n * HOUR for n in range(5) if until is None or NOON + n * HOUR < until]
    assert passes != any(gains(caller_at(t, own), caller_at(t, held_within(given_, cut))) for t in hours)


def gains(giver: Caller, taker: Caller) -> bool:
    return any(
        not giver.scope_of(permission).covers(taker.scope_of(permission)) for permission in Permission
    ) or any(
        taker.sees(field, place) and not giver.sees(field, place) for field, place in product(Field, PLACES)
    )


def test_nothing_is_nothing() -> None:
    assert not NOTHING
    assert union_of([]) == NOTHING
    assert all(nobody().scope_of(permission) == NOTHING for permission in Permission)


def test_its_own_token_is_everybodys_to_manage() -> None:
    assert caller_with("viewer", "A", token_id="0" * 16).scope_of(Permission.TOKEN_OWN) == EVERYTHING
    assert caller_with("viewer", "A").scope_of(Permission.TOKEN_OWN) == Scope(frozenset("A"))


def test_a_row_of_no_site_belongs_to_who_holds_all() -> None:
    assert [scope.holds(None) for scope in (NOTHING, Scope(frozenset("A")), EVERYTHING)] == [
        False,
        False,
        True,
    ]


def test_the_role_used_is_one_that_allows_it_there() -> None:
    caller = caller_of((holding("viewer"), holding("operator", "A"), holding("site_manager", "B")))
    assert caller.role_for(Permission.BATCH_RUN, "A") == "operator"
    assert caller.role_for(Permission.BATCH_RUN, "C") is None
    assert caller.role_for(Permission.BATCH_RUN, None) == "operator"


# Written out once more, so that a slip in the module does not pass by itself.
SEEDED = {
    "viewer": "lookup",
    "operator": "lookup operator_detail batch approval correction",
    "approver": "lookup approval correction decide version",
    "auditor": "lookup audit",
    "site_manager": "lookup operator_detail batch approval correction principal token role site policy",
    "administrator": "lookup operator_detail batch approval correction decide version audit principal token role"
    " site policy",
    "service": "",
}
NAMES = {
    "lookup": {Permission.LOOKUP_READ},
    "operator_detail": {Permission.OPERATOR_DETAIL_READ},
    "batch": {Permission.BATCH_RUN},
    "approval": {Permission.APPROVAL_REQUEST},
    "correction": {Permission.CORRECTION_REQUEST},
    "decide": {Permission.APPROVAL_DECIDE},
    "version": {Permission.VERSION_ACTIVATE},
    "audit": {Permission.AUDIT_READ, Permission.AUDIT_VERIFY, Permission.AUDIT_EXPORT},
    "principal": {Permission.PRINCIPAL_MANAGE},
    "token": {Permission.TOKEN_MANAGE},
    "role": {Permission.ROLE_MANAGE},
    "site": {Permission.SITE_MANAGE},
    "policy": {Permission.POLICY_MANAGE},
}


@pytest.mark.parametrize("role", Role)
def test_the_matrix(role: Role) -> None:
    expected = set().union({Permission.TOKEN_OWN}, *(NAMES[word] for word in SEEDED[role].split()))
    assert PERMISSIONS[role] == expected
    assert bool(SHOWN[role]) == (role in (Role.AUDITOR, Role.SITE_MANAGER, Role.ADMINISTRATOR))


def test_every_permission_is_somebodys() -> None:
    assert frozenset().union(*PERMISSIONS.values()) == frozenset(Permission)
    assert held_within([holding("viewer")], UNBOUNDED) == (holding("viewer"),)
