"""Entra ID tokens as database passwords (azure-identity), asked for at each new connection.

The SDK is imported only where DATABASE_AUTH=entra asks for it: it takes a third of the app's start.
"""

from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Engine, event

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken

# The one scope of Azure Database for PostgreSQL.
SCOPE = "https://ossrdbms-aad.database.windows.net/.default"


class Credential(Protocol):
    """What gives tokens; those of azure-identity do."""

    def get_token(self, scope: str, /) -> "AccessToken":
        """A token for the scope, from the credential's own cache until shortly before it ends."""
        ...


def default_credential() -> Credential:
    """The identity of this instance: managed in Azure, the developer's own elsewhere."""
    from azure.identity import DefaultAzureCredential

    return DefaultAzureCredential()


def use_entra_passwords(engine: Engine, credential: Credential) -> None:
    """Give every new connection of the engine a fresh token as its password."""

    @event.listens_for(engine, "do_connect")
    def _password(_dialect: Any, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
        parameters["password"] = credential.get_token(SCOPE).token
