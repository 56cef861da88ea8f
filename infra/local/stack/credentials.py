"""Passwords and keys of one local installation: made once, kept in a file only its owner can read."""

import json
import secrets
from dataclasses import asdict, dataclass, fields

from infra.local.stack.layout import Layout, read_private_json, write_private
from infra.local.stack.secrets import make_secrets


@dataclass(frozen=True)
class Credentials:
    """`migrator`, `app`, `auditor` and `retention` are database passwords."""

    migrator: str
    app: str
    auditor: str
    retention: str
    event_hubs_key: str
    cursor_signing_key: str

    @classmethod
    def load(cls, layout: Layout) -> "Credentials":
        """The kept ones; missing ones are made, and the app's secrets with them."""
        kept = read_private_json(layout.credentials)
        names = [field.name for field in fields(cls)]
        found = cls(**{name: kept.get(name) or secrets.token_urlsafe(32) for name in names})
        if asdict(found) != kept:
            write_private(layout.credentials, json.dumps(asdict(found), indent=2) + "\n")
        make_secrets(layout)
        return found
