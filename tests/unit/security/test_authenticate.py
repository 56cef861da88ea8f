"""Tokens, good and hostile."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime
from shared.security.authenticate import authenticate
from shared.security.errors import TokenInvalid
from tests.support.runtime import BASE_SETTINGS, HeldKeys, runtime_for
from tests.support.tokens import SigningKey, claims, ec_key, rsa_key, token


@pytest.fixture
def keyed() -> Iterator[Runtime]:
    """A runtime that holds one RSA and one EC key of the issuer."""
    runtime = runtime_for(BASE_SETTINGS["DATABASE_URL"])
    assert isinstance(runtime.token_keys, HeldKeys)
    runtime.token_keys.keys |= {key.key_id: key.public() for key in (rsa_key(), ec_key())}
    yield runtime
    runtime.database.dispose()


def passed(runtime: Runtime, credential: str) -> None:
    """The token is the issuer's; who it names is the next question, and there is no database to answer it."""
    with pytest.raises(DatabaseUnavailable):
        authenticate(runtime, f"Bearer {credential}")


def refused(runtime: Runtime, credential: str) -> None:
    with pytest.raises(TokenInvalid):
        authenticate(runtime, f"Bearer {credential}")


def raw(header: object, payload: object, signature: bytes = b"x") -> str:
    """A token put together by hand, which the library would not make."""
    parts = [json.dumps(header).encode(), json.dumps(payload).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.mark.parametrize("key", [rsa_key(), ec_key()], ids=["RS256", "ES256"])
def test_a_token_of_the_issuer_passes(keyed: Runtime, key: SigningKey) -> None:
    passed(keyed, token(key, oid="o-1", roles=["viewer", "root"]))


def test_an_audience_may_be_one_of_several(keyed: Runtime) -> None:
    passed(keyed, token(aud=["other", "api://counterfoil"]))


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "api://other"},
        {"aud": ["api://other"]},
        {"aud": []},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": "http://127.0.0.1:1/"},
        {"iss": None},
        {"iss": ["http://127.0.0.1:1"]},
        {"exp": 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": None},
        {"iat": 9_999_999_999},
        {"nbf": 9_999_999_999},
        {"sub": None},
        {"sub": 7},
    ],
    ids=str,
)
def test_wrong_claims_are_refused(keyed: Runtime, changes: dict[str, Any]) -> None:
    missing: dict[str, Any] = {name: None for name, value in changes.items() if value is None}
    odd = {name: value for name, value in changes.items() if value is not None}
    payload = {**claims(**missing), **odd}
    key = rsa_key()
    signed = jwt.api_jws.encode(
        json.dumps(payload).encode(), key.private, algorithm="RS256", headers={"kid": key.key_id}
    )
    refused(keyed, signed)


@pytest.mark.parametrize("algorithm", ["none", "None", "", "HS256", "RS384", "PS256", "EdDSA", None, 7])
def test_an_algorithm_that_is_not_allowed_is_refused(keyed: Runtime, algorithm: object) -> None:
    for signature in (b"", b"x"):
        refused(keyed, raw({"alg": algorithm, "kid": "rsa-1"}, claims(), signature))


def test_a_public_key_is_no_shared_secret(keyed: Runtime) -> None:
    public = rsa_key().private.public_key()
    for encoding, form in (
        (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    ):
        secret = public.public_bytes(encoding, form)
        header = raw({"alg": "HS256", "kid": "rsa-1"}, claims()).rsplit(".", 1)[0]
        signer = jwt.get_algorithm_by_name("HS256")
        signature = base64.urlsafe_b64encode(signer.sign(header.encode(), secret)).rstrip(b"=").decode()
        refused(keyed, f"{header}.{signature}")


def test_a_key_of_the_tokens_own_is_never_used(keyed: Runtime) -> None:
    stranger = rsa_key("stranger")
    own = {"jwk": stranger.published(), "jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/cert"}
    for key_id in ("stranger", "rsa-1"):
        refused(keyed, token(stranger, headers={**own, "kid": key_id}))


def test_a_key_signs_with_its_own_algorithm_only(keyed: Runtime) -> None:
    refused(keyed, token(ec_key(), headers={"kid": "rsa-1"}))
    refused(keyed, token(rsa_key(), headers={"kid": "ec-1"}))


@pytest.mark.parametrize("key_id", [None, "", "unknown", 7, ["rsa-1"], "x" * 201])
def test_a_key_the_issuer_does_not_have_is_refused(keyed: Runtime, key_id: object) -> None:
    header = {"alg": "RS256", "kid": key_id} if key_id is not None else {"alg": "RS256"}
    refused(keyed, raw(header, claims()))


def test_a_changed_payload_or_signature_is_refused(keyed: Runtime) -> None:
    header, payload, signature = token().split(".")
    administrator = token(roles=["administrator"]).split(".")[1]
    refused(keyed, f"{header}.{administrator}.{signature}")
    refused(keyed, f"{header}.{payload}.{signature[:-4]}AAAA")
    refused(keyed, f"{header}.{payload}.")


def nested(depth: int) -> str:
    return base64.urlsafe_b64encode(b"[" * depth).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "credential",
    [
        "a",
        "a.b",
        "a.b.c.d",
        "....",
        "é.é.é",
        "=.=.=",
        nested(10_000) + ".e30.x",
        raw([], {}),
        raw("alg", {}),
        raw({"alg": "RS256", "kid": "rsa-1", "crit": ["exp"], "exp": 1}, claims()),
        raw({"alg": "RS256", "kid": "rsa-1", "b64": False}, claims()),
        base64.urlsafe_b64encode(b'{"alg":' + b"9" * 5000 + b"}").decode().rstrip("=") + ".e30.x",
        base64.urlsafe_b64encode(b"\xff\xfe").decode() + ".e30.x",
    ],
    ids=lambda credential: credential[:20],
)
def test_noise_is_refused_and_never_an_accident(keyed: Runtime, credential: str) -> None:
    refused(keyed, credential)
