"""Reading and verifying a JSON Web Token with PyJWT; nothing here knows who may do what."""

from typing import Any

import jwt

from shared.security.errors import TokenInvalid
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


def key_id_of(token: str, settings: Settings) -> str:
    """The id of the key a token names. Refuses what needs no key to be refused, so that no fetch is spent on it."""
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


def verified_claims(token: str, key: jwt.PyJWK, settings: Settings) -> dict[str, Any]:
    """The claims of a token this key signed for this audience. Raises TokenInvalid; times are not looked at."""
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
