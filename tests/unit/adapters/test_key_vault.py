"""Key Vault through its own SDK, against a stand-in on loopback with a certificate of the test's own."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
from azure.core.credentials import AccessToken
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from shared.adapters.key_vault import KeyVaultSecrets
from shared.adapters.secrets import SecretUnavailable
from shared.adapters.signing import is_signed
from shared.audit.keys import SIGNING_KEY, public_keys, signing_key

CHALLENGE = (
    'Bearer authorization="https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001",'
    ' resource="https://vault.azure.net"'
)
TOKEN = "a-token"


@dataclass
class Vault:
    """Secrets by name, each a list of (version, value, enabled); the oldest first."""

    url: str = ""
    held: dict[str, list[tuple[str, str, bool]]] = field(default_factory=dict)
    failing: int = 0
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, dict[str, Any]]:
        _, name, *rest = path.strip("/").split("/")
        versions = self.held.get(name, [])
        if rest == ["versions"]:
            listed = [self._bundle(name, place) for place in range(len(versions))]
            return 200, {"value": [{k: v for k, v in each.items() if k != "value"} for each in listed]}
        places = [n for n, (version, _, _) in enumerate(versions) if not rest or version == rest[0]]
        if not places:
            return 404, {"error": {"code": "SecretNotFound", "message": "no such secret"}}
        if not versions[places[-1]][2]:
            return 403, {"error": {"code": "Forbidden", "message": "disabled"}}
        return 200, self._bundle(name, places[-1])

    def _bundle(self, name: str, place: int) -> dict[str, Any]:
        version, value, enabled = self.held[name][place]
        made = int(time.time()) - 1_000 + place
        attributes = {"enabled": enabled, "created": made, "updated": made}
        return {"id": f"{self.url}/secrets/{name}/{version}", "value": value, "attributes": attributes}


class Held:
    """A credential that has one token."""

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        assert scopes == ("https://vault.azure.net/.default",)
        return AccessToken(TOKEN, int(time.time()) + 3600)


@contextmanager
def serving(vault: Vault, authority: trustme.CA) -> Iterator[Vault]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            vault.asked.append(path)
            if vault.failing:
                status, body = vault.failing, {"error": {"code": "Unwell", "message": "told to fail"}}
            elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
                status, body = 401, {"error": {"code": "Unauthorized", "message": "no token"}}
            else:
                status, body = vault.answer(path)
            encoded = json.dumps(body).encode()
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", CHALLENGE)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)

        def log_message(self, *_words: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    vault.url = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield vault
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Vault]:
    authority = trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with serving(Vault(), authority) as served:
        yield served


def secrets_of(vault: Vault) -> KeyVaultSecrets:
    return KeyVaultSecrets(vault.url, Held(), is_stand_in=True)


def test_versions_come_newest_first_and_disabled_ones_do_not(vault: Vault) -> None:
    vault.held["a-key"] = [("v1", "one", True), ("v2", "two", False), ("v3", "three", True)]
    secrets = secrets_of(vault)
    found = secrets.get("a-key")
    assert (found.value, found.version) == ("three", "v3")
    assert [(each.value, each.version) for each in secrets.versions("a-key")] == [
        ("three", "v3"),
        ("one", "v1"),
    ]
    # The first request is the challenge's; the token is kept.
    assert vault.asked.count("/secrets/a-key/") == 2


def test_what_the_vault_refuses_is_unavailable_and_shows_no_value(vault: Vault) -> None:
    secrets = secrets_of(vault)
    vault.held["off"] = [("v1", "hunter2", False)]
    for name in ("missing", "off"):
        with pytest.raises(SecretUnavailable) as raised:
            secrets.get(name)
        assert "hunter2" not in str(raised.value)
        with pytest.raises(SecretUnavailable):
            secrets.versions(name)
    vault.failing = 403
    with pytest.raises(SecretUnavailable):
        secrets.versions("off")


def test_a_vault_whose_certificate_is_not_known_is_unavailable(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    vault.held["a-key"] = [("v1", "one", True)]
    with pytest.raises(SecretUnavailable):
        secrets_of(vault).get("a-key")


def test_a_rotated_key_signs_and_the_old_one_still_checks(vault: Vault) -> None:
    first, second = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    pem = [
        each.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        for each in (first, second)
    ]
    vault.held[SIGNING_KEY] = [("v1", pem[0], True)]
    secrets = secrets_of(vault)
    old = signing_key(secrets).sign(b"words")
    vault.held[SIGNING_KEY].append(("v2", pem[1], True))
    key = signing_key(secrets)
    assert key.key_id == f"{SIGNING_KEY}/v2"
    keys = public_keys(secrets)
    assert is_signed(b"words", old, keys)
    assert is_signed(b"words", key.sign(b"words"), keys)
    assert not is_signed(b"words", old, keys[:1])
