"""What a development token says about its holder."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.local.identity.errors import LocalIdentityError

DEFAULT_AUDIENCE = "api://counterfoil"
DEFAULT_TTL_SECONDS = 3600
TTL_SECONDS_MAX = 30 * 86_400
TENANT = "local"
# Object ids of development principals are derived from this, so that they can be known before any token.
OBJECT_ID_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, "counterfoil/local/principals")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")


def object_id_of(subject: str) -> str:
    """The `oid` a subject has when none is chosen: always the same for the same subject."""
    return str(uuid.uuid5(OBJECT_ID_SPACE, subject))


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaims:
    """The holder and what the token grants; `extra` claims are added last and win.

    A lifetime may be negative, so that tests can have expired tokens.
    """

    subject: str
    object_id: str = ""
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    audience: str = DEFAULT_AUDIENCE
    ttl_seconds: int = DEFAULT_TTL_SECONDS
    extra: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (self.subject, *self.roles, *self.scopes):
            if NAME.fullmatch(name) is None:
                raise LocalIdentityError(
                    f"{name!r} is not a name a token can carry: use letters, digits and ._:@-"
                )
        if self.ttl_seconds > TTL_SECONDS_MAX:
            raise LocalIdentityError(
                f"A lifetime of {self.ttl_seconds} s is too long: at most {TTL_SECONDS_MAX} s."
            )

    def payload(self, issuer: str, now: int) -> dict[str, object]:
        """The claims as they are signed; `now` in seconds since 1970."""
        claims: dict[str, object] = {
            "iss": issuer,
            "aud": self.audience,
            "sub": self.subject,
            "oid": self.object_id or object_id_of(self.subject),
            "tid": TENANT,
            "iat": now,
            "nbf": now,
            "exp": now + self.ttl_seconds,
            "jti": uuid.uuid4().hex,
            "ver": "2.0",
        }
        if self.roles:
            claims["roles"] = list(self.roles)
        if self.scopes:
            claims["scp"] = " ".join(self.scopes)
        return {**claims, **self.extra}
