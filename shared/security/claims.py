"""From a bearer header to a token and from verified claims to a principal: pure rules, no key and no clock."""

import math
from collections.abc import Mapping

from shared.security.errors import TokenInvalid, TokenMissing
from shared.security.model import Principal, Role

TOKEN_CHARACTERS_MAX = 16_384
ACTOR_CHARACTERS_MAX = 200
# The first one present names the actor: `oid` is stable across applications at Entra ID, `sub` is everyone's.
ACTOR_CLAIMS = ("oid", "sub")
ROLE_CLAIMS = ("roles", "scp")

Claims = Mapping[str, object]


def bearer_token(authorization: str | None) -> str:
    """The token of an Authorization header. Raises TokenMissing or TokenInvalid."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise TokenMissing
    if len(token) > TOKEN_CHARACTERS_MAX:
        raise TokenInvalid(f"longer than {TOKEN_CHARACTERS_MAX} characters")
    return token


def check_times(claims: Claims, now: float, leeway_seconds: float) -> None:
    """exp and iat are required, nbf is honoured; all in seconds since 1970. Raises TokenInvalid."""
    expires, issued = _instant(claims, "exp"), _instant(claims, "iat")
    starts = _instant(claims, "nbf") if "nbf" in claims else issued
    if expires <= now - leeway_seconds:
        raise TokenInvalid("expired")
    if max(issued, starts) > now + leeway_seconds:
        raise TokenInvalid("not valid yet")


def principal_of(claims: Claims) -> Principal:
    """Raises TokenInvalid when no claim names an actor."""
    return Principal(_actor(claims), _roles(claims))


def _instant(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TokenInvalid(f"{name} is missing or not a time")
    return value


def _actor(claims: Claims) -> str:
    for name in ACTOR_CLAIMS:
        value = claims.get(name)
        if isinstance(value, str) and value.strip():
            if len(value) > ACTOR_CHARACTERS_MAX or not value.isprintable():
                raise TokenInvalid(f"{name} is not an id")
            return value.strip()
    raise TokenInvalid("no claim names an actor")


def _roles(claims: Claims) -> frozenset[Role]:
    """Claims are lists of names or one text with spaces; names we do not know are passed over."""
    names: set[str] = set()
    for claim in ROLE_CLAIMS:
        value = claims.get(claim)
        if isinstance(value, str):
            names.update(value.split())
        elif isinstance(value, list):
            names.update(each for each in value if isinstance(each, str))
    return frozenset(role for role in Role if role.value in names)
