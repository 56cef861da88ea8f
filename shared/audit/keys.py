"""The keys of the audit record: the newest version of the secret signs, the public halves of all versions check."""

from collections.abc import Sequence

from shared.adapters.secrets import Secret, Secrets
from shared.adapters.signing import PublicKey, SigningKey, load_signing_key

SIGNING_KEY = "audit-signing-key"


def signing_key(secrets: Secrets) -> SigningKey:
    """The key that signs now; its name is in all it signs."""
    return _loaded(secrets.get(SIGNING_KEY))


def public_keys(secrets: Secrets) -> Sequence[PublicKey]:
    """The keys that signed so far, the newest first."""
    return [_loaded(each).public for each in secrets.versions(SIGNING_KEY)]


def _loaded(secret: Secret) -> SigningKey:
    return load_signing_key(f"{SIGNING_KEY}/{secret.version}", secret.key)
