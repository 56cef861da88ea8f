"""Who is calling: a bearer token of the issuer or of our own, or the platform's word, becomes a caller."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from shared.audit.model import PrincipalType
from shared.runtime import Runtime
from shared.security import store
from shared.security.claims import Claims, bearer_token, check_times, identity_of, role_map_of
from shared.security.errors import TokenInvalid
from shared.security.model import UNBOUNDED, Bounds, Caller, Identity, StoredSecret, held_within
from shared.security.platform import HEADER, platform_claims
from shared.security.secrets import is_alive, is_own, matches, parts
from shared.settings import Settings

# No principal's id holds a colon: whoever is not registered never goes by the name of somebody who is.
UNREGISTERED = "unregistered:"
_NOTED_EVERY = timedelta(minutes=1)
_NOTHING: Mapping[str, str] = MappingProxyType({})


def authenticate(
    runtime: Runtime, authorization: str | None, headers: Mapping[str, str] = _NOTHING
) -> Caller:
    """The caller of a request, with what it may do at this moment.

    A principal nobody registered, and one that was deactivated, is a caller who holds nothing. Raises TokenMissing,
    TokenInvalid, IssuerUnavailable, and DatabaseUnavailable when nobody can say who holds what: never the one for the
    other.
    """
    now = runtime.clock.now()
    principal = headers.get(HEADER) if runtime.settings.trusts_platform() else None
    if principal and not authorization:
        return _registered(runtime, _platform_identity(principal, runtime.settings), now)
    token = bearer_token(authorization)
    if is_own(token):
        return _holder(runtime, token, now)
    return _registered(runtime, _issued_identity(runtime, token, now), now)


def _issued_identity(runtime: Runtime, token: str, now: datetime) -> Identity:
    """What a token of the issuer says.

    The key is chosen by the token's `kid` among the issuer's keys only; a key or an address the token itself
    carries (jwk, jku, x5u) is never used.
    """
    # PyJWT brings the whole of cryptography along: it is loaded by the first token, not by the start.
    from shared.security.tokens import key_id_of, verified_claims

    key_id = key_id_of(token, runtime.settings)
    key = runtime.token_keys.find(key_id)
    if key is None:
        raise TokenInvalid(f"the issuer has no key {key_id!r}")
    claims = verified_claims(token, key, runtime.settings)
    check_times(claims, now.timestamp(), runtime.settings.oidc_leeway_seconds)
    return _identity(claims, runtime.settings)


def _platform_identity(header: str, settings: Settings) -> Identity:
    claims = platform_claims(header)
    if claims.get("iss") != settings.oidc_issuer:
        raise TokenInvalid("the platform names another issuer")
    if claims.get("aud") != settings.oidc_audience:
        raise TokenInvalid("the platform names another audience")
    return _identity(claims, settings)


def _identity(claims: Claims, settings: Settings) -> Identity:
    return identity_of(
        claims,
        settings.oidc_issuer,
        actor_claims=settings.oidc_actor_claims.split(","),
        role_claims=settings.oidc_role_claims.split(","),
        role_map=role_map_of(settings.oidc_role_map),
    )


def _registered(runtime: Runtime, identity: Identity, now: datetime) -> Caller:
    """The principal of that identity with its grants, the token's roles as the upper bound."""
    with runtime.database.statement() as connection:
        known = store.fetch_by_identity(connection, identity.issuer, identity.subject, now)
    if known is None:
        name = f"{UNREGISTERED}{identity.subject}"
        return Caller(principal_id=name, actor=name, principal_type=PrincipalType.PERSON)
    return _caller(known, UNBOUNDED if identity.roles is None else Bounds(roles=identity.roles))


def _holder(runtime: Runtime, token: str, now: datetime) -> Caller:
    """The holder of one of our own tokens. Raises TokenInvalid, and never says what was wrong with it."""
    token_id, secret = parts(token)
    with runtime.database.statement() as connection:
        found = store.fetch_by_token(connection, token_id, now)
    is_right = matches(found.secret if found else StoredSecret(), secret, now)
    idle = timedelta(days=runtime.settings.token_idle_days_max)
    if found is None or not is_right or not is_alive(found.standing, now, idle):
        raise TokenInvalid(f"token {token_id} is unknown, wrong, at its end or revoked")
    if found.noted_at is None or now - found.noted_at >= _NOTED_EVERY:
        with runtime.database.transaction() as connection:
            store.note_use(connection, token_id, now)
    return _caller(found.known, found.bounds, token_id)


def _caller(known: store.Known, bounds: Bounds, token_id: str | None = None) -> Caller:
    return Caller(
        principal_id=known.principal_id,
        actor=known.principal_id,
        principal_type=known.principal_type,
        holdings=held_within(known.holdings, bounds) if known.is_active else (),
        token_id=token_id,
    )
