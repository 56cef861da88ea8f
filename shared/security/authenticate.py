"""Who is calling: a bearer token of the configured issuer becomes a principal."""

from shared.runtime import Runtime
from shared.security.claims import bearer_token, check_times, principal_of
from shared.security.errors import TokenInvalid
from shared.security.model import Principal


def authenticate(runtime: Runtime, authorization: str | None) -> Principal:
    """The principal of an Authorization header.

    The key is chosen by the token's `kid` among the issuer's keys only; a key or an address the token itself
    carries (jwk, jku, x5u) is never used. Raises TokenMissing, TokenInvalid and IssuerUnavailable.
    """
    # PyJWT brings the whole of cryptography along: it is loaded by the first token, not by the start.
    from shared.security.tokens import key_id_of, verified_claims

    token = bearer_token(authorization)
    key_id = key_id_of(token, runtime.settings)
    key = runtime.token_keys.find(key_id)
    if key is None:
        raise TokenInvalid(f"the issuer has no key {key_id!r}")
    claims = verified_claims(token, key, runtime.settings)
    check_times(claims, runtime.clock.now().timestamp(), runtime.settings.oidc_leeway_seconds)
    return principal_of(claims)
