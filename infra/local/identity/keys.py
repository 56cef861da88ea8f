"""The issuer's signing keys, kept in one private file so that tokens survive a restart."""

import json
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from infra.local.identity.errors import LocalIdentityError

Algorithm = Literal["RS256", "ES256"]
ALGORITHMS: tuple[Algorithm, ...] = ("RS256", "ES256")
GENERATIONS_MAX = 3
FILE_NAME = "keys.json"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key pair; `private_pem` never leaves the file and this process."""

    kid: str
    algorithm: Algorithm
    private_pem: str

    @classmethod
    def generate(cls, algorithm: Algorithm) -> Self:
        private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
        if algorithm == "RS256":
            private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        else:
            private = ec.generate_private_key(ec.SECP256R1())
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(f"{algorithm.lower()}-{uuid.uuid4().hex[:12]}", algorithm, pem.decode())

    def public_jwk(self) -> dict[str, Any]:
        """The public half as it stands in the key set."""
        public = load_pem_private_key(self.private_pem.encode(), password=None).public_key()
        if isinstance(public, rsa.RSAPublicKey):
            numbers = RSAAlgorithm.to_jwk(public, as_dict=True)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            numbers = ECAlgorithm.to_jwk(public, as_dict=True)
        else:
            raise LocalIdentityError(f"Key {self.kid} is of an unknown kind: remove the file {FILE_NAME}.")
        numbers.pop("key_ops", None)
        return {**numbers, "use": "sig", "alg": self.algorithm, "kid": self.kid}


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The issuer's address and its keys, oldest first; the newest of an algorithm signs."""

    issuer: str
    keys: tuple[SigningKey, ...]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the ring.

        Raises LocalIdentityError when there is none yet or it cannot be understood.
        """
        path = folder / FILE_NAME
        try:
            stored = json.loads(path.read_bytes())
            return cls(stored["issuer"], tuple(SigningKey(**key) for key in stored["keys"]))
        except FileNotFoundError as failure:
            raise LocalIdentityError(
                f"There is no signing key in {folder} yet: start the local stack with `make run` first."
            ) from failure
        except (ValueError, KeyError, TypeError) as failure:
            raise LocalIdentityError(f"{path} is damaged: remove it, and new keys are made.") from failure

    @classmethod
    def open(cls, folder: Path, issuer: str) -> Self:
        """Read the ring, or make one; the address becomes the given one, and the file is written."""
        if (folder / FILE_NAME).exists():
            ring = cls(issuer, cls.load(folder).keys)
        else:
            ring = cls(issuer, tuple(SigningKey.generate(algorithm) for algorithm in ALGORITHMS))
        ring.save(folder)
        return ring

    def save(self, folder: Path) -> None:
        """Write the file, readable by its owner only; a reader sees the old or the new one, never a part."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = folder / f"{FILE_NAME}.{os.getpid()}"
        partial.unlink(missing_ok=True)
        keys = [
            {"kid": key.kid, "algorithm": key.algorithm, "private_pem": key.private_pem} for key in self.keys
        ]
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump({"issuer": self.issuer, "keys": keys}, file)
        partial.replace(folder / FILE_NAME)

    def rotated(self, *, keep_old: bool = True) -> "KeyRing":
        """A ring whose newest keys are new; old ones stay published for a few generations, or go at once."""
        old = self.keys[-len(ALGORITHMS) * (GENERATIONS_MAX - 1) :] if keep_old else ()
        return KeyRing(self.issuer, (*old, *(SigningKey.generate(algorithm) for algorithm in ALGORITHMS)))

    def signing_key(self, algorithm: Algorithm) -> SigningKey:
        for key in reversed(self.keys):
            if key.algorithm == algorithm:
                return key
        raise LocalIdentityError(f"There is no key for {algorithm}: use one of {', '.join(ALGORITHMS)}.")

    def key_set(self) -> dict[str, list[dict[str, Any]]]:
        """The public keys as a JSON Web Key Set."""
        return {"keys": [key.public_jwk() for key in self.keys]}
