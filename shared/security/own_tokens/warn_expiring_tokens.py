"""Warn of tokens that end soon: one alert per token and end, however often the duty runs."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.alerts.store import insert_outbox
from shared.runtime import Runtime
from shared.security.errors import TokenExpiring
from shared.security.model import EVERYTHING
from shared.security.own_tokens import policy, store
from shared.security.own_tokens.model import OwnToken

PAGE = 500


def warn_expiring_tokens(runtime: Runtime) -> int:
    """How many were warned of for the first time."""
    now = runtime.clock.now()
    at = policy.moment(runtime.settings, now)
    until = now + timedelta(days=runtime.settings.token_warn_days)
    after, told = ("-infinity", ""), 0
    with runtime.database.transaction() as connection:
        while page := store.list_expiring_tokens(
            connection, EVERYTHING, at, until=until, after=after, limit=PAGE
        ):
            told += sum(_tell(connection, token, now) for token in page)
            after = (page[-1].expires_at, page[-1].token_id)
    return told


def _tell(connection: Connection, token: OwnToken, now: datetime) -> bool:
    payload = {
        "code": TokenExpiring.code,
        "token_id": token.token_id,
        "name": token.name,
        "principal_id": token.principal_id,
        "site_id": token.site_id,
        "expires_at": token.expires_at,
        "at": now,
    }
    key = f"{TokenExpiring.code}:{token.token_id}:{token.expires_at}"
    return insert_outbox(connection, "ALERT", key, payload, now)
