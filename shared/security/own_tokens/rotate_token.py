"""Rotate a token: its holder gets a new secret, and the old one goes on for the overlap."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security import secrets
from shared.security.beyond import refuse_beyond
from shared.security.errors import TokenNotFound
from shared.security.model import EVERYTHING, Bounds
from shared.security.own_tokens import policy, store
from shared.security.own_tokens.model import OwnToken
from shared.security.store import list_holdings
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def rotate_token(runtime: Runtime, context: Context, token_id: str, reason: str) -> Done:
    """The token with its new secret. Nobody rotates another's, nor one that may do more than the caller does now.

    Raises TokenNotFound and GrantBeyondOwn.
    """
    settings = runtime.settings

    def act(connection: Connection, now: datetime) -> Effect:
        at = policy.moment(settings, now)
        before = store.lock_token(connection, token_id, EVERYTHING, at)
        if before.principal_id != context.caller.principal_id:
            raise TokenNotFound(f"{token_id} is another's")
        if context.caller.token_id != token_id:
            holdings = list_holdings(connection, before.principal_id, now)
            refuse_beyond(context.caller, holdings, _bounds(before))
        secret = secrets.new_secret()
        store.rotate_token(
            connection,
            token_id,
            secrets.digest(secret),
            overlap=policy.overlap(settings),
            life=policy.life(settings),
            now=now,
        )
        after = asdict(store.get_token(connection, token_id, at))
        return Effect(
            body={**after, "secret": secrets.shown(token_id, secret)},
            before=asdict(before),
            after=after,
            site_id=before.site_id,
            secrets=frozenset({"secret"}),
        )

    command = Command(action=Action.OWN_TOKEN_ROTATE, target_type="token", target_id=token_id, reason=reason)
    return run_command(runtime, context, command, act)


def _bounds(token: OwnToken) -> Bounds:
    return Bounds(
        None if token.roles is None else frozenset(token.roles),
        None if token.sites is None else frozenset(token.sites),
    )
