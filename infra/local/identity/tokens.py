"""Signing: the running issuer and the command line use the same few lines."""

import time
from collections.abc import Mapping
from pathlib import Path

import jwt

from infra.local.identity.claims import DEFAULT_AUDIENCE, DEFAULT_TTL_SECONDS, TokenClaims
from infra.local.identity.keys import Algorithm, KeyRing


def sign(ring: KeyRing, claims: TokenClaims, algorithm: Algorithm = "RS256") -> str:
    """A signed token, valid from now."""
    key = ring.signing_key(algorithm)
    payload = claims.payload(ring.issuer, int(time.time()))
    return jwt.encode(payload, key.private_pem, algorithm=algorithm, headers={"kid": key.kid})


def mint_token(
    data: Path,
    *,
    role: str = "viewer",
    roles: tuple[str, ...] | None = None,
    subject: str = "",
    audience: str = DEFAULT_AUDIENCE,
    ttl_seconds: int = DEFAULT_TTL_SECONDS,
    algorithm: Algorithm = "RS256",
    extra: Mapping[str, object] | None = None,
) -> str:
    """A token made from the key file alone, whether the issuer runs or not.

    The subject is `local-<role>` when none is given; `roles` replaces the single role, also by none.
    Raises LocalIdentityError when there is no key file yet or a value is not acceptable.
    """
    claims = TokenClaims(
        subject=subject or f"local-{role}",
        roles=(role,) if roles is None else roles,
        audience=audience,
        ttl_seconds=ttl_seconds,
        extra=extra or {},
    )
    return sign(KeyRing.load(data), claims, algorithm)
