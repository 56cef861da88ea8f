"""Tokens made on the command line, without a running issuer."""

from pathlib import Path

import jwt
import pytest

from infra.local.identity import KeyRing, LocalIdentityError, TokenClaims, mint_token, object_id_of

ISSUER = "http://127.0.0.1:7072"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    KeyRing.open(tmp_path, ISSUER)
    return tmp_path


def read(token: str) -> dict[str, object]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


def test_a_role_is_enough(data: Path) -> None:
    claims = read(mint_token(data, role="operator"))
    assert claims["iss"] == ISSUER
    assert claims["sub"] == "local-operator"
    assert claims["oid"] == object_id_of("local-operator")
    assert claims["roles"] == ["operator"]


def test_everything_can_be_chosen(data: Path) -> None:
    token = mint_token(data, roles=(), subject="x", ttl_seconds=-60, algorithm="ES256", extra={"scp": "a b"})
    claims = read(token)
    assert "roles" not in claims
    assert claims["scp"] == "a b"
    assert jwt.get_unverified_header(token)["alg"] == "ES256"
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(token, options={"verify_signature": False, "verify_exp": True})


def test_object_ids_are_stable_and_distinct() -> None:
    assert object_id_of("local-viewer") == "f79c0099-ca7a-5738-916e-0ac2c0da93b4"
    assert object_id_of("local-viewer") != object_id_of("local-operator")


def test_without_keys_it_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(
        LocalIdentityError, match=r"no signing key in .* start the local stack with `make run`"
    ):
        mint_token(tmp_path)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"issuer": "x", "keys": [{"kid": "a"}]}'])
def test_a_damaged_key_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(LocalIdentityError, match=r"keys\.json is damaged: remove it"):
        mint_token(tmp_path)


@pytest.mark.parametrize("name", ["", "two words", "-dash", "x" * 129, 'quo"te'])
def test_strange_names_are_refused(name: str) -> None:
    with pytest.raises(LocalIdentityError, match="is not a name"):
        TokenClaims(subject=name)
