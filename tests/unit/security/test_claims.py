"""Bearer headers, times, actors and roles."""

import math
from typing import Any

import pytest

from shared.security.authorize import PERMISSIONS, authorize
from shared.security.claims import bearer_token, check_times, principal_of
from shared.security.errors import NotAllowed, TokenInvalid, TokenMissing
from shared.security.model import Permission, Principal, Role

NOW = 1_000_000.0


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpw", "token abc", "abc.def.ghi"]
)
def test_without_a_bearer_token_it_is_missing(header: str | None) -> None:
    with pytest.raises(TokenMissing):
        bearer_token(header)


@pytest.mark.parametrize("header", ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c  "])
def test_the_scheme_is_read_in_any_case(header: str) -> None:
    assert bearer_token(header) == "a.b.c"


def test_an_endless_token_is_refused() -> None:
    with pytest.raises(TokenInvalid):
        bearer_token("Bearer " + "a" * 16_385)


def times(**changes: Any) -> dict[str, Any]:
    return {"iat": NOW - 10, "exp": NOW + 10, **changes}


@pytest.mark.parametrize(
    "claims",
    [
        times(),
        times(exp=NOW - 29),
        times(iat=NOW + 30),
        times(nbf=NOW + 30),
        times(exp=int(NOW) + 10, iat=int(NOW)),
    ],
)
def test_times_within_the_leeway_pass(claims: dict[str, Any]) -> None:
    check_times(claims, NOW, 30)


@pytest.mark.parametrize(
    "claims",
    [
        times(exp=NOW - 30),
        times(iat=NOW + 31),
        times(nbf=NOW + 31),
        times(exp=None),
        times(iat=None),
        times(nbf=None),
        times(exp=str(NOW + 10)),
        times(exp=True),
        times(exp=math.nan),
        times(exp=math.inf),
        times(iat=-math.inf),
        {"exp": NOW + 10},
        {"iat": NOW - 10},
    ],
)
def test_other_times_are_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        check_times(claims, NOW, 30)


@pytest.mark.parametrize(
    ("claims", "actor"),
    [
        ({"oid": "o", "sub": "s"}, "o"),
        ({"sub": "s"}, "s"),
        ({"oid": "", "sub": " s "}, "s"),
        ({"oid": 7, "sub": "s"}, "s"),
    ],
)
def test_the_actor_is_oid_else_sub(claims: dict[str, Any], actor: str) -> None:
    assert principal_of(claims).actor == actor


@pytest.mark.parametrize(
    "claims", [{}, {"sub": ""}, {"sub": None}, {"sub": "a\nb"}, {"sub": "x" * 201}, {"sub": ["a"]}]
)
def test_a_token_without_actor_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        principal_of(claims)


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        ({"roles": ["viewer", "auditor"]}, {Role.VIEWER, Role.AUDITOR}),
        ({"roles": "viewer"}, {Role.VIEWER}),
        ({"scp": "viewer operator"}, {Role.VIEWER, Role.OPERATOR}),
        ({"roles": ["viewer"], "scp": "service"}, {Role.VIEWER, Role.SERVICE}),
        ({"roles": ["Viewer", "root", 7, None, ["viewer"]]}, set()),
        ({"roles": {"viewer": True}}, set()),
        ({}, set()),
    ],
)
def test_known_role_names_count_and_others_do_not(claims: dict[str, Any], roles: set[Role]) -> None:
    assert principal_of({"sub": "s", **claims}).roles == roles


def test_every_role_is_in_the_table() -> None:
    assert set(PERMISSIONS) == set(Role)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SERVICE])
def test_people_may_look_up(role: Role) -> None:
    authorize(Principal("a", frozenset({role})), Permission.LOOKUP_READ)


@pytest.mark.parametrize("roles", [frozenset[Role](), frozenset({Role.SERVICE})])
def test_without_a_role_that_carries_it_nothing_is_allowed(roles: frozenset[Role]) -> None:
    with pytest.raises(NotAllowed):
        authorize(Principal("a", roles), Permission.LOOKUP_READ)
