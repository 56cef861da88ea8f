"""Tokens and the issuer behind them: invented keys cost one question, and an issuer that is out lets nobody in."""

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.adapters.token_keys import IssuerUnavailable, JwksTokenKeys
from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime
from shared.security.authenticate import authenticate
from shared.security.errors import TokenInvalid
from tests.support.runtime import BASE_SETTINGS, runtime_for
from tests.support.tokens import rsa_key, token
from tests.unit.adapters.key_server import KEYS, KeyServer, key_server


@pytest.fixture
def issuer() -> Iterator[KeyServer]:
    with key_server() as server:
        yield server


@pytest.fixture
def runtime(issuer: KeyServer) -> Iterator[Runtime]:
    """A runtime that asks this issuer, without a database."""
    built = runtime_for(BASE_SETTINGS["DATABASE_URL"], OIDC_ISSUER=issuer.url)
    yield replace(built, token_keys=JwksTokenKeys(issuer.settings(), lambda: 0.0))
    built.database.dispose()


def ends(runtime: Runtime, credential: str) -> type[Exception] | None:
    try:
        authenticate(runtime, f"Bearer {credential}")
    except (TokenInvalid, IssuerUnavailable, DatabaseUnavailable) as error:
        return type(error)
    return None


def test_ten_thousand_invented_keys_cost_one_fetch(runtime: Runtime, issuer: KeyServer) -> None:
    chance = random.Random(7)
    signed = token(iss=issuer.url, headers={"kid": "placeholder"}).split(".", 1)[1]
    for _ in range(10_000):
        header = token_header("".join(chance.choices("abcdefgh0123456789-_", k=chance.randint(1, 60))))
        assert ends(runtime, f"{header}.{signed}") is TokenInvalid
    assert issuer.asked.count(KEYS) == 1
    assert ends(runtime, token(iss=issuer.url)) is DatabaseUnavailable


def token_header(key_id: str) -> str:
    import base64
    import json

    text = json.dumps({"alg": "RS256", "typ": "JWT", "kid": key_id}).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def test_what_a_token_says_of_its_own_keys_is_never_asked(runtime: Runtime, issuer: KeyServer) -> None:
    stranger = rsa_key("stranger")
    issuer.answers["/own"] = {"keys": [stranger.published()]}
    own = {"jku": f"{issuer.url}/own", "x5u": f"{issuer.url}/own", "jwk": stranger.published()}
    assert ends(runtime, token(stranger, headers=own, iss=issuer.url)) is TokenInvalid
    assert "/own" not in issuer.asked


@pytest.mark.parametrize("answer", [500, 404, b"", b"not json", b"x" * 3_000_000])
def test_an_issuer_that_is_out_lets_nobody_in_and_calls_nobody_wrong(
    runtime: Runtime, issuer: KeyServer, answer: object
) -> None:
    issuer.answers[KEYS] = answer
    assert ends(runtime, token(iss=issuer.url)) is IssuerUnavailable


def test_a_token_of_ours_needs_no_issuer(runtime: Runtime, issuer: KeyServer) -> None:
    issuer.answers.clear()
    assert ends(runtime, f"cf_{'0' * 16}_{'A' * 43}") is DatabaseUnavailable
    assert issuer.asked == []
