"""A key server that says what a test tells it to, and counts how often it is asked."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shared.settings import Settings
from tests.support.runtime import BASE_SETTINGS, settings_for
from tests.support.tokens import SigningKey, ec_key, rsa_key

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"


@dataclass
class KeyServer:
    """Paths and what is answered there: a document, raw bytes, or a status."""

    url: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    drip_seconds: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)

    def publish(self, *keys: SigningKey) -> None:
        """The usual answers: discovery names the key set, which holds these keys."""
        self.answers[DISCOVERY] = {"issuer": self.url, "jwks_uri": self.url + KEYS}
        self.answers[KEYS] = {"keys": [key.published() for key in keys or (rsa_key(), ec_key())]}

    def settings(self, **changes: str) -> Settings:
        """Settings with this issuer, unless the changes say otherwise."""
        return settings_for(BASE_SETTINGS["DATABASE_URL"], **{"OIDC_ISSUER": self.url, **changes})


@contextmanager
def key_server() -> Iterator[KeyServer]:
    """A running server that publishes one RSA and one EC key."""
    told = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            answer = told.answers.get(self.path, 404)
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(answer if isinstance(answer, int) else 200)
            for name, value in {"Content-Length": str(len(body)), **told.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self._write(body)

        def _write(self, body: bytes) -> None:
            try:
                if not told.drip_seconds:
                    self.wfile.write(body)
                for at in range(len(body) if told.drip_seconds else 0):
                    self.wfile.write(body[at : at + 1])
                    self.wfile.flush()
                    time.sleep(told.drip_seconds)
            except OSError:
                return

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    told.publish()
    serving = threading.Thread(target=server.serve_forever, args=[0.05])
    serving.start()
    try:
        yield told
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
