"""The principal header of the platform's own authentication, which checked the token before us."""

import base64
import binascii
import json
from collections.abc import Mapping

from shared.security.claims import Claims
from shared.security.errors import TokenInvalid

HEADER = "x-ms-client-principal"
HEADER_CHARACTERS_MAX = 16_384
# The platform writes these claims under the long names of older tokens.
_SHORT = {
    "http://schemas.microsoft.com/identity/claims/objectidentifier": "oid",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/nameidentifier": "sub",
    "http://schemas.microsoft.com/identity/claims/scope": "scp",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": "roles",
}
_LISTS = frozenset({"roles"})


def platform_claims(header: str) -> Claims:
    """The claims under the names a token has them by. Raises TokenInvalid for what the platform would not write."""
    document = _document(header)
    role_name = document.get("role_typ")
    claims: dict[str, object] = {}
    for name, value in _pairs(document.get("claims")):
        short = "roles" if name == role_name else _SHORT.get(name, name)
        if short in _LISTS:
            claims[short] = [*_listed(claims.get(short)), value]
        elif claims.setdefault(short, value) != value:
            raise TokenInvalid(f"the platform names two {short}")
    return claims


def _document(header: str) -> Mapping[str, object]:
    if len(header) > HEADER_CHARACTERS_MAX:
        raise TokenInvalid(f"longer than {HEADER_CHARACTERS_MAX} characters")
    try:
        document = json.loads(base64.b64decode(header, validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise TokenInvalid("the platform's principal cannot be read") from error
    if not isinstance(document, dict):
        raise TokenInvalid("the platform's principal is no object")
    return document


def _pairs(claims: object) -> list[tuple[str, str]]:
    if not isinstance(claims, list):
        raise TokenInvalid("the platform's principal has no claims")
    pairs = [(each.get("typ"), each.get("val")) for each in claims if isinstance(each, dict)]
    return [(name, value) for name, value in pairs if isinstance(name, str) and isinstance(value, str)]


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []
