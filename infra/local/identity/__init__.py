"""The development issuer: OpenID Connect tokens with any claims, for this machine only."""

from infra.local.identity.claims import DEFAULT_AUDIENCE, TokenClaims, object_id_of
from infra.local.identity.errors import LocalIdentityError
from infra.local.identity.keys import KeyRing
from infra.local.identity.tokens import mint_token, sign

__all__ = [
    "DEFAULT_AUDIENCE",
    "KeyRing",
    "LocalIdentityError",
    "TokenClaims",
    "mint_token",
    "object_id_of",
    "sign",
]
