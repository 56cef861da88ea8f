"""Reading an issuer's JSON Web Key Set over HTTP: no redirects, no proxies, bounded in time and size."""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from shared.settings import Settings

CONNECT_SECONDS_MAX = 3.0
ANSWER_SECONDS_MAX = 4.0
ANSWER_BYTES_MAX = 262_144
KEYS_MAX = 100
RSA_BITS_MIN = 2048
DISCOVERY_PATH = "/.well-known/openid-configuration"
_CURVES = {"ES256": "P-256"}


class KeySetUnreadable(Exception):
    """The issuer's keys could not be read; the message says why, for operators."""


def fetch_keys(settings: Settings) -> Mapping[str, jwt.PyJWK]:
    """The issuer's usable signing keys by id, at OIDC_JWKS_URL or where its discovery document says.

    Raises KeySetUnreadable also when no key is usable, so that an empty answer never replaces good keys.
    """
    document = _get_json(settings.oidc_jwks_url or _discovered(settings), settings)
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > KEYS_MAX:
        raise KeySetUnreadable(f"the key set is not a list of at most {KEYS_MAX} keys")
    keys = {key.key_id: key for each in listed if (key := _usable(each, settings)) and key.key_id}
    if not keys:
        raise KeySetUnreadable("the key set has no usable signing key")
    return keys


def _discovered(settings: Settings) -> str:
    document = _get_json(settings.oidc_issuer.rstrip("/") + DISCOVERY_PATH, settings)
    if document.get("issuer") != settings.oidc_issuer:
        raise KeySetUnreadable("the discovery document names another issuer")
    address = document.get("jwks_uri")
    if not isinstance(address, str):
        raise KeySetUnreadable("the discovery document has no jwks_uri")
    return address


def _usable(listed: object, settings: Settings) -> jwt.PyJWK | None:
    """A public signing key of an allowed algorithm and sufficient strength, else None."""
    if (
        not isinstance(listed, dict)
        or listed.get("use", "sig") != "sig"
        or not isinstance(listed.get("kid"), str)
    ):
        return None
    try:
        key = jwt.PyJWK(listed)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if key.algorithm_name not in settings.algorithms():
        return None
    if isinstance(key.key, RSAPublicKey):
        return key if key.key.key_size >= RSA_BITS_MIN else None
    return key if listed.get("crv") == _CURVES.get(key.algorithm_name) else None


def _get_json(address: str, settings: Settings) -> dict[str, Any]:
    try:
        document = json.loads(_get(address, settings))
    except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
        raise KeySetUnreadable(f"{address}: {type(error).__name__}: {error}") from error
    if not isinstance(document, dict):
        raise KeySetUnreadable(f"{address}: not a JSON object")
    return document


def _get(address: str, settings: Settings) -> bytes:
    connection, target = _connection(address, plain_allowed=settings.auth_mode == "local")
    try:
        connection.connect()
        with _deadline(connection.sock, ANSWER_SECONDS_MAX):
            connection.request("GET", target, headers={"Accept": "application/json"})
            answer = connection.getresponse()
            if answer.status != http.HTTPStatus.OK:
                raise KeySetUnreadable(f"{address}: status {answer.status}")
            body = answer.read(ANSWER_BYTES_MAX + 1)
    finally:
        connection.close()
    if len(body) > ANSWER_BYTES_MAX:
        raise KeySetUnreadable(f"{address}: more than {ANSWER_BYTES_MAX} bytes")
    return body


def _connection(address: str, *, plain_allowed: bool) -> tuple[http.client.HTTPConnection, str]:
    parts = urlsplit(address)
    host, port = parts.hostname, parts.port
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if host and parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS_MAX, context=context), target
    if host and parts.scheme == "http" and plain_allowed:
        return http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS_MAX), target
    raise KeySetUnreadable(f"{address}: keys are read over https only")


@contextmanager
def _deadline(sock: socket.socket, seconds: float) -> Iterator[None]:
    """Cut the connection when time is up: a socket's own time-out begins anew with every byte that drips in."""
    timer = threading.Timer(seconds, _cut, [sock])
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(sock: socket.socket) -> None:
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        # It ended by itself in the meantime.
        return
