"""What making a token takes, whoever it is made for."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection

from shared.security import secrets
from shared.security.errors import TokensTooMany
from shared.security.own_tokens import policy, store
from shared.security.own_tokens.model import Wish
from shared.settings import Settings


@dataclass(frozen=True)
class Made:
    """A new token: as it is recorded, and as its holder keeps it."""

    state: dict[str, object]
    token: str


def write_token(connection: Connection, settings: Settings, wish: Wish, by: str, now: datetime) -> Made:
    """The principal's row is locked, so that nobody else counts meanwhile. Raises TokensTooMany."""
    if store.count_active(connection, wish.principal_id, now) >= settings.token_active_max:
        raise TokensTooMany(wish.principal_id)
    token_id, secret = secrets.new_id(), secrets.new_secret()
    row = store.Row(
        token_id=token_id,
        principal_id=wish.principal_id,
        name=wish.name.strip(),
        secret_sha256=secrets.digest(secret),
        roles=None if wish.roles is None else sorted({*wish.roles}),
        sites=None if wish.sites is None else sorted({*wish.sites}),
        expires_at=now + policy.life(settings, wish.days),
        by=by,
    )
    store.insert_token(connection, row, now)
    state = asdict(store.get_token(connection, token_id, policy.moment(settings, now)))
    return Made(state, secrets.shown(token_id, secret))
