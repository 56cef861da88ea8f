"""Access keys of key-protected functions and of the admin endpoints, made once and kept on disk."""

import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from infra.local.host.files import read_json, write_json

KEY_FILE = "keys.json"
KEY_BYTES = 40


@dataclass(frozen=True)
class Keys:
    """The master key opens everything, the host key every function, a function key its own function."""

    master: str
    host: str
    functions: dict[str, str]

    def opens_function(self, function: str, auth_level: str, key: str | None) -> bool:
        """True when the key is enough for a function of this level (anonymous, function or admin)."""
        if auth_level == "anonymous":
            return True
        own = () if auth_level == "admin" else (self.host, self.functions.get(function, ""))
        return _among(key, (self.master, *own))

    def opens_admin(self, key: str | None) -> bool:
        return _among(key, (self.master,))


def _among(key: str | None, accepted: tuple[str, ...]) -> bool:
    given = (key or "").encode()
    return bool(given) and any(each and hmac.compare_digest(given, each.encode()) for each in accepted)


def load_keys(directory: Path, functions: list[str]) -> Keys:
    """The keys kept in the data directory; missing ones are made. Only the owner can read the file."""
    document = read_json(directory / KEY_FILE) or {}
    kept = document.get("functions", {})
    keys = Keys(
        master=document.get("master") or secrets.token_urlsafe(KEY_BYTES),
        host=document.get("host") or secrets.token_urlsafe(KEY_BYTES),
        functions={name: kept.get(name) or secrets.token_urlsafe(KEY_BYTES) for name in functions},
    )
    new = {"master": keys.master, "host": keys.host, "functions": {**kept, **keys.functions}}
    if new != document:
        write_json(directory / KEY_FILE, new)
    return keys
