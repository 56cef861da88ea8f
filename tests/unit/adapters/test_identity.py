"""The app's identity at the broker: one for all questions, so that its token is fetched once."""

import asyncio
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from azure.eventhub.aio import EventHubConsumerClient

from shared.adapters.event_hubs import EventHubsInspector, Identity
from tests.support.runtime import BASE_SETTINGS, settings_for

SCOPE = "https://eventhubs.azure.net//.default"


class TokenPlace(ThreadingHTTPServer):
    """Gives out tokens as the platform does to an app with a managed identity, and counts them."""

    given = 0


class _Giving(BaseHTTPRequestHandler):
    server: TokenPlace

    def do_GET(self) -> None:
        self.server.given += 1
        token = {
            "access_token": f"token-{self.server.given}",
            "expires_on": str(int(time.time()) + 86_400),
            "resource": "https://eventhubs.azure.net/",
            "token_type": "Bearer",
        }
        body = json.dumps(token).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any, **_options: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenPlace]:
    with TokenPlace(("127.0.0.1", 0), _Giving) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{server.server_port}/token")
        monkeypatch.setenv("IDENTITY_HEADER", "local")
        yield server
        server.shutdown()
        thread.join()


class TokenOfEachQuestion(EventHubsInspector):
    """Asks nothing but the token each of its clients would show the broker."""

    def token(self) -> str:
        async def ask() -> str:
            client = self._client("ledger.entry.upserted", "counterfoil")
            async with client, _credential(client) as identity:
                return str((await identity.get_token(SCOPE)).token)

        return asyncio.run(ask())


def _credential(client: EventHubConsumerClient) -> Identity:
    found: object = client._credential
    assert isinstance(found, Identity)
    return found


def test_a_second_question_fetches_no_second_token(place: TokenPlace) -> None:
    settings = settings_for(
        BASE_SETTINGS["DATABASE_URL"], EventHubs="", EventHubs__fullyQualifiedNamespace="localhost"
    )
    asked = TokenOfEachQuestion(settings)
    assert [asked.token(), asked.token()] == ["token-1", "token-1"]
    assert place.given == 1
