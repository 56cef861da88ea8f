"""Counterfoil's own tokens as they are shown, stored and judged: pure rules, no database and no clock."""

import hashlib
import hmac
import re
import secrets
from datetime import datetime, timedelta

from shared.security.errors import TokenInvalid
from shared.security.model import NO_SECRET, Standing, StoredSecret

PREFIX = "cf_"
# An id to look the token up by, and a secret of 256 bits that is stored as its SHA-256 only.
_FORM = re.compile(r"cf_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)
_SECRET_BYTES = 32


def is_own(token: str) -> bool:
    """Whether a bearer token is one of ours, by its shape; an issuer's token never begins so."""
    return token.startswith(PREFIX)


def new_id() -> str:
    """A token's id; it is no secret."""
    return secrets.token_hex(8)


def new_secret() -> str:
    """A secret nobody can guess."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def shown(token_id: str, secret: str) -> str:
    """The token as its holder keeps it; it is shown once."""
    return f"{PREFIX}{token_id}_{secret}"


def digest(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def parts(token: str) -> tuple[str, str]:
    """Id and secret. Raises TokenInvalid for another shape."""
    form = _FORM.fullmatch(token)
    if form is None:
        raise TokenInvalid("not of the shape of a Counterfoil token")
    return form[1], form[2]


def matches(stored: StoredSecret, secret: str, now: datetime) -> bool:
    """Whether it is the secret, or the previous one in its overlap; the comparison takes the same time either way."""
    given = digest(secret)
    current = hmac.compare_digest(stored.secret_sha256, given)
    previous = hmac.compare_digest(stored.previous_sha256 or NO_SECRET, given)
    return current or (previous and stored.previous_until is not None and now < stored.previous_until)


def is_alive(token: Standing, now: datetime, idle: timedelta) -> bool:
    """Whether a token is neither revoked nor at its end, and was used lately enough."""
    return token.revoked_at is None and now < token.expires_at and now < token.used_at + idle
