"""Entra tokens as passwords: asked for at each new connection, on a real server."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from azure.core.credentials import AccessToken
from azure.identity import DefaultAzureCredential
from sqlalchemy import Engine, text

from shared.adapters.entra import SCOPE, default_credential
from shared.database import Database
from shared.database.engine import build_engine
from shared.errors.base import DatabaseUnavailable
from tests.support.runtime import APP_PASSWORD, settings_for


@dataclass
class KeptCredential:
    """Gives the tokens it was given, the last one again and again, and keeps what it was asked for."""

    tokens: list[str]
    asked: list[str] = field(default_factory=list)

    def get_token(self, scope: str, /) -> AccessToken:
        self.asked.append(scope)
        return AccessToken(self.tokens[min(len(self.asked), len(self.tokens)) - 1], 0)


def engine_with(url: str, credential: KeptCredential, **changes: str) -> Engine:
    bare = url.replace(f":{APP_PASSWORD}@", "@")
    assert bare != url
    return build_engine(settings_for(bare, **changes), "counterfoil-entra-test", credential)


@pytest.fixture
def credential() -> KeptCredential:
    return KeptCredential([APP_PASSWORD])


@pytest.fixture
def entra(database_url: str, credential: KeptCredential) -> Iterator[Engine]:
    engine = engine_with(database_url, credential, DATABASE_AUTH="entra")
    yield engine
    engine.dispose()


def test_the_token_is_the_password(entra: Engine, credential: KeptCredential) -> None:
    assert credential.asked == []
    with entra.connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar() == "counterfoil_app"
    assert credential.asked == [SCOPE]


def test_a_pooled_connection_needs_no_new_token(entra: Engine, credential: KeptCredential) -> None:
    for _ in range(3):
        with entra.connect() as connection:
            connection.execute(text("SELECT 1"))
    assert credential.asked == [SCOPE]


def test_every_new_connection_gets_a_fresh_token(entra: Engine, credential: KeptCredential) -> None:
    with entra.connect(), entra.connect():
        assert credential.asked == [SCOPE] * 2
    entra.dispose()
    with entra.connect():
        assert credential.asked == [SCOPE] * 3


def test_a_token_the_server_refuses_makes_the_database_unavailable(database_url: str) -> None:
    credential = KeptCredential(["a token that ended", APP_PASSWORD])
    engine = engine_with(database_url, credential, DATABASE_AUTH="entra")
    database = Database(lambda: engine)
    with pytest.raises(DatabaseUnavailable) as caught, database.statement():
        pass
    assert "a token that ended" not in caught.value.detail
    with database.statement() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
    database.dispose()


def test_with_passwords_no_token_is_asked_for(database_url: str, credential: KeptCredential) -> None:
    database = Database(lambda: engine_with(database_url, credential, DATABASE_AUTH="password"))
    with pytest.raises(DatabaseUnavailable), database.statement():
        pass
    database.dispose()
    assert credential.asked == []


def test_without_one_handed_in_the_instances_own_identity_is_used() -> None:
    assert isinstance(default_credential(), DefaultAzureCredential)
