"""The engine: a small pool of psycopg connections whose sessions are what the rest of the code assumes."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine, event, exc

from shared.adapters.entra import Credential, default_credential, use_entra_passwords
from shared.settings import Settings

# A connection used this recently is taken as alive: asking each time would add a round trip to every call.
IDLE_SECONDS_BEFORE_PING = 5.0
# Below the life of an Entra token, so that no session outlives what it signed in with.
RECYCLE_SECONDS = 1800


# From the driver's arguments to a session.
Connect = Callable[..., Any]


def build_engine(
    settings: Settings,
    application_name: str = "counterfoil",
    credential: Credential | None = None,
    connect: Connect | None = None,
) -> Engine:
    """The engine for DATABASE_URL; nothing connects until the first use.

    With DATABASE_AUTH=entra the credential gives the passwords, the instance's own identity when none is handed in.
    `connect` opens a session; it is there for sessions that do more than the usual one.
    """
    engine = create_engine(
        settings.database_url,
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_pool_timeout_seconds,
        pool_recycle=RECYCLE_SECONDS,
        connect_args={
            "application_name": application_name,
            "connect_timeout": 10,
            "prepare_threshold": 5 if settings.database_prepare else None,
        },
    )
    _ping_idle_connections(engine)
    if settings.database_auth == "entra":
        use_entra_passwords(engine, credential or default_credential())
    opened = connect or _open_session

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: Any, _record: Any, arguments: Any, named: dict[str, Any]) -> Any:
        return opened(*arguments, **named)

    return engine


def _open_session(*arguments: Any, **named: Any) -> Any:
    from shared.database.session import Session

    return Session.connect(*arguments, **named)


def _ping_idle_connections(engine: Engine) -> None:
    """Ask a connection that lay idle whether it lives; a dead one is replaced before anyone uses it."""

    import psycopg

    @event.listens_for(engine, "checkin")
    def _remember(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _ping(connection: Any, record: Any, _proxy: Any) -> None:
        idle_since = record.info.get("idle_since")
        if idle_since is None or time.monotonic() - idle_since < IDLE_SECONDS_BEFORE_PING:
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error as error:
            # The pool answers this, and only this, with a new connection.
            raise exc.DisconnectionError from error
