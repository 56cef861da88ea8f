"""Claims-based security: which hubs a connection may use (AMQP CBS working draft, `$cbs` node)."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlparse

from infra.local.eventhubs.errors import AmqpError, Condition

SAS_PREFIX = "SharedAccessSignature "
WHOLE_NAMESPACE = ""


class Claims:
    """What one connection has proved. Without keys everything is allowed."""

    def __init__(self, keys: Mapping[str, str] | None) -> None:
        self._keys = keys
        self._expiry_by_hub: dict[str, int] = {}

    def check(self, hub: str) -> None:
        """Raises AmqpError (unauthorized-access) unless a valid token covers the hub."""
        if self._keys is None:
            return
        now = int(time.time())
        if any(self._expiry_by_hub.get(scope, 0) > now for scope in (hub.lower(), WHOLE_NAMESPACE)):
            return
        raise AmqpError(
            Condition.UNAUTHORIZED,
            f"Unauthorized access. 'Send' or 'Listen' claim(s) are required to perform this operation on '{hub}'.",
        )

    def put_token(self, token: object) -> tuple[int, str]:
        """Keeps a shared access signature; status and description for the answer."""
        if self._keys is None:
            return 202, "Accepted"
        try:
            scope, expiry = verify_sas(token if isinstance(token, str) else "", self._keys)
        except AmqpError as error:
            return 401, error.description
        self._expiry_by_hub[scope] = expiry
        return 202, "Accepted"


def verify_sas(token: str, keys: Mapping[str, str]) -> tuple[str, int]:
    """The hub a shared access signature covers (empty: all) and its expiry in epoch seconds.

    The signature is HMAC-SHA256, with the named key, over the encoded resource, a line feed and the expiry.
    Raises AmqpError (unauthorized-access).
    """
    parts = dict(part.partition("=")[::2] for part in token.removeprefix(SAS_PREFIX).split("&"))
    resource, expiry, key_name = parts.get("sr", ""), parts.get("se", ""), unquote(parts.get("skn", ""))
    key = keys.get(key_name)
    if not token.startswith(SAS_PREFIX) or key is None or not expiry.isdecimal():
        raise AmqpError(Condition.UNAUTHORIZED, f"InvalidSignature: no token of a known key ('{key_name}').")
    digest = hmac.digest(key.encode(), f"{resource}\n{expiry}".encode(), hashlib.sha256)
    expected = base64.b64encode(digest)
    if not hmac.compare_digest(expected, unquote(parts.get("sig", "")).encode()):
        raise AmqpError(Condition.UNAUTHORIZED, "InvalidSignature: The token has an invalid signature.")
    if int(expiry) <= time.time():
        raise AmqpError(Condition.UNAUTHORIZED, "ExpiredToken: The token is expired.")
    path = urlparse(unquote(resource)).path.strip("/")
    return path.split("/")[0].lower(), int(expiry)


def answer(claims: Claims, properties: Mapping[str, Any], value: Any) -> tuple[int, str, bytes | None]:
    """Status, description and body for a request to `$cbs`."""
    if properties.get("operation") != "put-token":
        return 400, f"The operation '{properties.get('operation')}' is not known here.", None
    status, description = claims.put_token(value)
    return status, description, None
