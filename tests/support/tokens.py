"""Signing keys and tokens of a pretended issuer."""

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.support.runtime import NOON


@dataclass(frozen=True)
class SigningKey:
    """A private key with the id it is published under."""

    key_id: str
    algorithm: str
    private: Any

    def published(self) -> dict[str, Any]:
        """The key as it stands in a JWKS document."""
        maker = RSAAlgorithm if self.algorithm.startswith("RS") else ECAlgorithm
        public: dict[str, Any] = json.loads(maker.to_jwk(self.private.public_key()))
        return {**public, "kid": self.key_id, "use": "sig", "alg": self.algorithm}

    def public(self) -> jwt.PyJWK:
        return jwt.PyJWK(self.published())


@cache
def rsa_key(key_id: str = "rsa-1", bits: int = 2048) -> SigningKey:
    return SigningKey(key_id, "RS256", rsa.generate_private_key(public_exponent=65537, key_size=bits))


@cache
def ec_key(key_id: str = "ec-1") -> SigningKey:
    return SigningKey(key_id, "ES256", ec.generate_private_key(ec.SECP256R1()))


def claims(now: datetime = NOON, **changes: Any) -> dict[str, Any]:
    """Claims of a viewer that pass; a change to None takes the claim away."""
    issued = int(now.timestamp())
    usual: dict[str, Any] = {
        "iss": "http://127.0.0.1:1",
        "aud": "api://counterfoil",
        "iat": issued,
        "nbf": issued,
        "exp": issued + 600,
        "sub": "somebody",
        "roles": ["viewer"],
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not None}


def token(key: SigningKey | None = None, headers: dict[str, Any] | None = None, **changes: Any) -> str:
    """A signed token; changes are claims."""
    key = key or rsa_key()
    return jwt.encode(
        claims(**changes),
        key.private,
        algorithm=key.algorithm,
        headers={"kid": key.key_id, **(headers or {})},
    )
