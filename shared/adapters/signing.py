"""Ed25519 keys for what is published: a private key signs, a public key is all that anybody needs to check.

The private key is handed in as PEM; where it is kept is not this module's matter. The library is loaded by the first
key: an instance starts without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.errors.base import SystemFailure

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ALGORITHM = "Ed25519"


class KeyInvalid(SystemFailure):
    """What was given as a key for signing or checking is no Ed25519 key in PEM."""

    code = "SYS_SIGNING_KEY_INVALID"


@dataclass(frozen=True)
class PublicKey:
    """The public half of a key."""

    key: "Ed25519PublicKey"

    def pem(self) -> bytes:
        """As it is handed to an auditor."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@dataclass(frozen=True)
class SigningKey:
    """A private key, and the name under which it is kept: a manifest says which one signed it."""

    key_id: str
    key: "Ed25519PrivateKey"
    algorithm: str = ALGORITHM

    def sign(self, message: bytes) -> bytes:
        """64 bytes, the same each time."""
        return self.key.sign(message)

    @property
    def public(self) -> PublicKey:
        return PublicKey(self.key.public_key())


def load_signing_key(key_id: str, pem: bytes) -> SigningKey:
    """The private key of a PEM text. Raises KeyInvalid."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise KeyInvalid("the signing key is no private key in PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyInvalid(f"the signing key is a {type(key).__name__}")
    return SigningKey(key_id, key)


def load_public_key(pem: bytes) -> PublicKey:
    """The public key of a PEM text. Raises KeyInvalid."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyInvalid("the key is no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyInvalid(f"the key is a {type(key).__name__}")
    return PublicKey(key)


def is_signed(message: bytes, signature: bytes, keys: Sequence[PublicKey]) -> bool:
    """Whether one of the keys made this signature of this message."""
    return any(_fits(each, message, signature) for each in keys)


def _fits(key: PublicKey, message: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        key.key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
