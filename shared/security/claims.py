"""From a bearer header to a token and from verified claims to an identity: pure rules, no key and no clock."""

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from shared.security.errors import TokenInvalid, TokenMissing
from shared.security.model import Identity, Role

TOKEN_CHARACTERS_MAX = 16_384
ACTOR_CHARACTERS_MAX = 200

Claims = Mapping[str, object]
RoleMap = Mapping[str, frozenset[str]]


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


def identity_of(
    claims: Claims, issuer: str, *, actor_claims: Sequence[str], role_claims: Sequence[str], role_map: RoleMap
) -> Identity:
    """Raises TokenInvalid when no claim names an actor."""
    return Identity(issuer, _actor(claims, actor_claims), _roles(claims, role_claims, role_map))


@lru_cache(maxsize=8)
def role_map_of(text: str) -> RoleMap:
    """`NAME=role+role,…`: what the issuer's role names mean here; our own names mean themselves."""
    mapped = {role.value: frozenset({role.value}) for role in Role}
    for each in text.split(","):
        name, _, meant = each.partition("=")
        mapped[name] = frozenset(meant.split("+"))
    return mapped


def _instant(claims: Claims, name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TokenInvalid(f"{name} is missing or not a time")
    return value


def _actor(claims: Claims, names: Iterable[str]) -> str:
    """The first claim present names the actor."""
    for name in names:
        value = claims.get(name)
        if isinstance(value, str) and value.strip():
            if len(value) > ACTOR_CHARACTERS_MAX or not value.isprintable():
                raise TokenInvalid(f"{name} is not an id")
            return value.strip()
    raise TokenInvalid("no claim names an actor")


def _roles(claims: Claims, names: Iterable[str], role_map: RoleMap) -> frozenset[str] | None:
    """Claims are lists of names or one text with spaces; names nobody mapped are passed over.

    A claim that is there bounds what the token may do, also when it names nothing we know.
    """
    present = [claims[name] for name in names if name in claims]
    if not present:
        return None
    found: set[str] = set()
    for value in present:
        if isinstance(value, str):
            found.update(value.split())
        elif isinstance(value, list):
            found.update(each for each in value if isinstance(each, str))
    return frozenset().union(*(role_map.get(name, frozenset()) for name in found))
