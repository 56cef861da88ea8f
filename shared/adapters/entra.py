"""Entra ID tokens as database passwords (azure-identity), asked for at each new connection."""

from functools import cache
from typing import Any

from azure.identity import DefaultAzureCredential
from sqlalchemy import Engine, event

# The one scope of Azure Database for PostgreSQL; the credential caches the token until shortly before it ends.
SCOPE = "https://ossrdbms-aad.database.windows.net/.default"


@cache
def _credential() -> DefaultAzureCredential:
    return DefaultAzureCredential()


def use_entra_passwords(engine: Engine) -> None:
    """Give every new connection of the engine a fresh token as its password."""

    @event.listens_for(engine, "do_connect")
    def _password(_dialect: Any, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
        parameters["password"] = _credential().get_token(SCOPE).token
