"""Keys of one local installation, as the app finds secrets: made once, readable by their owner only."""

import secrets as randomness
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from infra.local.stack.layout import Layout, write_private
from shared.adapters.signing import load_signing_key
from shared.audit.access.model import HASH_KEY
from shared.audit.keys import SIGNING_KEY

FIRST_VERSION = "1"


def make_secrets(layout: Layout) -> None:
    """Make the keys that are missing, and leave the public one where an auditor finds it."""
    _make(layout, HASH_KEY, lambda: randomness.token_urlsafe(32))
    pem = _make(layout, SIGNING_KEY, _private_pem)
    public = load_signing_key(SIGNING_KEY, pem.encode()).public.pem()
    if not layout.audit_public_key.exists():
        layout.audit_public_key.write_bytes(public)


def _make(layout: Layout, name: str, made: Callable[[], str]) -> str:
    """The first version of a secret, made when there is none."""
    folder = layout.secrets / name
    file = folder / FIRST_VERSION
    if not file.exists():
        layout.secrets.mkdir(mode=0o700, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        write_private(file, made() + "\n")
    return file.read_text()


def _private_pem() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().strip()
