"""Bearer headers, times, actors and roles."""

import math
from typing import Any

import pytest

from shared.security.claims import bearer_token, check_times, identity_of, role_map_of
from shared.security.errors import TokenInvalid, TokenMissing
from shared.security.model import Identity, Role

NOW = 1_000_000.0
MAP = "ADMIN_READ=viewer,ADMIN_AUDIT=viewer+auditor"


def identity(claims: dict[str, Any], **changes: Any) -> Identity:
    usual = {"actor_claims": ["oid", "sub"], "role_claims": ["roles", "scp"], "role_map": role_map_of(MAP)}
    return identity_of(claims, "https://issuer.example", **{**usual, **changes})


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
    assert identity(claims).subject == actor


@pytest.mark.parametrize(
    "claims", [{}, {"sub": ""}, {"sub": None}, {"sub": "a\nb"}, {"sub": "x" * 201}, {"sub": ["a"]}]
)
def test_a_token_without_actor_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        identity(claims)


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        ({"roles": ["viewer", "auditor"]}, {Role.VIEWER, Role.AUDITOR}),
        ({"roles": "viewer"}, {Role.VIEWER}),
        ({"scp": "viewer operator"}, {Role.VIEWER, Role.OPERATOR}),
        ({"roles": ["viewer"], "scp": "service"}, {Role.VIEWER, Role.SERVICE}),
        ({"roles": ["Viewer", "root", 7, None, ["viewer"]]}, set()),
        ({"roles": {"viewer": True}}, set()),
        ({"roles": None}, set()),
        ({"roles": []}, set()),
        ({"roles": ["ADMIN_READ"]}, {Role.VIEWER}),
        ({"roles": ["ADMIN_AUDIT"]}, {Role.VIEWER, Role.AUDITOR}),
        ({"scp": "ADMIN_READ operator"}, {Role.VIEWER, Role.OPERATOR}),
    ],
)
def test_a_role_claim_bounds_and_unmapped_names_count_for_nothing(
    claims: dict[str, Any], roles: set[Role]
) -> None:
    assert identity({"sub": "s", **claims}).roles == frozenset(role.value for role in roles)


def test_without_a_role_claim_there_is_no_bound() -> None:
    assert identity({"sub": "s"}).roles is None
    assert identity({"sub": "s", "scp": "user_impersonation"}, role_claims=["roles"]).roles is None


def test_the_settings_name_the_claims() -> None:
    found = identity(
        {"sub": "s", "upn": "u", "groups": ["viewer"]}, actor_claims=["upn"], role_claims=["groups"]
    )
    assert (found.subject, found.roles) == ("u", frozenset({"viewer"}))
    assert found.issuer == "https://issuer.example"
