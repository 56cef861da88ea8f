"""Who is calling: a bearer token of the configured issuer becomes a principal."""

from typing import Any

import jwt

from shared.runtime import Runtime
from shared.security.claims import bearer_token, check_times, principal_of
from shared.security.errors import TokenInvalid
from shared.security.model import Principal
from shared.settings import Settings

KEY_ID_CHARACTERS_MAX = 200
# Times are checked against the runtime's clock, not the library's.
_OPTIONS: dict[str, Any] = {
    "require": ["exp", "iat", "iss", "aud"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "strict_aud": False,
}
# Everything a hostile token can make the parser raise: bad base64, odd numbers, nesting without end.
_REFUSED = (jwt.PyJWTError, ValueError, TypeError, RecursionError)


def authenticate(runtime: Runtime, authorization: str | None) -> Principal:
    """The principal of an Authorization header.

    The key is chosen by the token's `kid` among the issuer's keys only; a key or an address the token itself
    carries (jwk, jku, x5u) is never used. Raises TokenMissing, TokenInvalid and IssuerUnavailable.
    """
    token = bearer_token(authorization)
    key_id = _key_id(token, runtime.settings)
    key = runtime.token_keys.find(key_id)
    if key is None:
        raise TokenInvalid(f"the issuer has no key {key_id!r}")
    claims = _verified(token, key, runtime.settings)
    check_times(claims, runtime.clock.now().timestamp(), runtime.settings.oidc_leeway_seconds)
    return principal_of(claims)


def _key_id(token: str, settings: Settings) -> str:
    """Refuses what needs no key to be refused, so that no fetch is spent on it."""
    try:
        header = jwt.get_unverified_header(token)
    except _REFUSED as error:
        raise TokenInvalid(str(error)) from error
    if header.get("alg") not in settings.algorithms():
        raise TokenInvalid("signed with an algorithm that is not allowed")
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not 0 < len(key_id) <= KEY_ID_CHARACTERS_MAX:
        raise TokenInvalid("names no key")
    return key_id


def _verified(token: str, key: jwt.PyJWK, settings: Settings) -> dict[str, Any]:
    try:
        return jwt.decode(
            token,
            key=key,
            algorithms=settings.algorithms(),
            audience=settings.oidc_audience,
            issuer=settings.oidc_issuer,
            options=_OPTIONS,  # type: ignore[arg-type]
        )
    except _REFUSED as error:
        raise TokenInvalid(str(error)) from error
