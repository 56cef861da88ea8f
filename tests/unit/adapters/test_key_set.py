"""Reading an issuer's keys: only what is usable, from where the settings say, within bounds."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.adapters.key_set import (
    ANSWER_BYTES_MAX,
    ANSWER_SECONDS_MAX,
    KEYS_MAX,
    KeySetUnreadable,
    fetch_keys,
)
from tests.support.tokens import SigningKey, ec_key, rsa_key
from tests.unit.adapters.key_server import DISCOVERY, KEYS, KeyServer, key_server


@pytest.fixture
def issuer() -> Iterator[KeyServer]:
    with key_server() as server:
        yield server


def unreadable(issuer: KeyServer, **changes: str) -> None:
    with pytest.raises(KeySetUnreadable):
        fetch_keys(issuer.settings(**changes))


def test_discovery_leads_to_the_keys(issuer: KeyServer) -> None:
    assert set(fetch_keys(issuer.settings())) == {"rsa-1", "ec-1"}
    assert issuer.asked == [DISCOVERY, KEYS]


def test_a_key_address_of_the_settings_needs_no_discovery(issuer: KeyServer) -> None:
    issuer.answers["/elsewhere?v=2"] = {"keys": [rsa_key("other").published()]}
    assert set(fetch_keys(issuer.settings(OIDC_JWKS_URL=f"{issuer.url}/elsewhere?v=2"))) == {"other"}
    assert issuer.asked == ["/elsewhere?v=2"]


def test_an_issuer_may_have_a_path_with_or_without_a_slash_at_its_end(issuer: KeyServer) -> None:
    for path in ("/tenant", "/tenant/"):
        issuer.answers["/tenant" + DISCOVERY] = {"issuer": issuer.url + path, "jwks_uri": issuer.url + KEYS}
        assert fetch_keys(issuer.settings(OIDC_ISSUER=issuer.url + path))


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "http://127.0.0.1:1", "jwks_uri": "x"},
        {"jwks_uri": "x"},
        {"issuer": None},
        [],
        "text",
        b"not json",
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        404,
        500,
    ],
    ids=lambda each: str(each)[:20],
)
def test_a_discovery_document_that_is_not_the_issuers_is_refused(issuer: KeyServer, document: Any) -> None:
    issuer.answers[DISCOVERY] = document
    unreadable(issuer)


@pytest.mark.parametrize(
    "address", [7, None, "", "ftp://127.0.0.1/keys", "/keys", "file:///etc/passwd", "http://"]
)
def test_a_key_address_that_is_no_http_address_is_refused(issuer: KeyServer, address: Any) -> None:
    issuer.answers[DISCOVERY] = {"issuer": issuer.url, "jwks_uri": address}
    unreadable(issuer)
    assert issuer.asked == [DISCOVERY]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": []},
        {"keys": {}},
        {"keys": None},
        {"keys": ["x", 1, None]},
        {"keys": [{}] * (KEYS_MAX + 1)},
        [],
        503,
    ],
    ids=lambda each: str(each)[:20],
)
def test_a_key_set_without_a_usable_key_is_refused(issuer: KeyServer, document: Any) -> None:
    issuer.answers[KEYS] = document
    unreadable(issuer)


@pytest.mark.parametrize(
    "change",
    [{"use": "enc"}, {"kid": None}, {"kid": 7}, {"kid": ""}, {"kty": "oct"}, {"alg": "HS256"}, {"alg": "RS512"},
     {"n": "AQAB"}, {"n": None}],
    ids=str,
)  # fmt: skip
def test_an_unusable_key_is_passed_over(issuer: KeyServer, change: dict[str, Any]) -> None:
    issuer.answers[KEYS] = {"keys": [{**rsa_key().published(), **change}, ec_key().published()]}
    assert set(fetch_keys(issuer.settings())) == {"ec-1"}


def test_a_weak_key_is_passed_over(issuer: KeyServer) -> None:
    issuer.publish(rsa_key("weak", 1024), rsa_key("strong", 2048))
    assert set(fetch_keys(issuer.settings())) == {"strong"}


def test_another_curve_is_passed_over(issuer: KeyServer) -> None:
    other = SigningKey("p384", "ES384", ec.generate_private_key(ec.SECP384R1()))
    published = {**other.published(), "alg": "ES256"}
    issuer.answers[KEYS] = {"keys": [published, rsa_key().published()]}
    assert set(fetch_keys(issuer.settings())) == {"rsa-1"}


def test_a_key_of_an_algorithm_the_settings_exclude_is_passed_over(issuer: KeyServer) -> None:
    assert set(fetch_keys(issuer.settings(OIDC_ALGORITHMS="ES256"))) == {"ec-1"}


def test_a_redirect_is_not_followed(issuer: KeyServer) -> None:
    issuer.answers["/elsewhere"] = issuer.answers[KEYS]
    issuer.answers[KEYS] = 302
    issuer.headers = {"Location": f"{issuer.url}/elsewhere"}
    unreadable(issuer)
    assert "/elsewhere" not in issuer.asked


def test_a_huge_answer_is_refused(issuer: KeyServer) -> None:
    """Padded with blanks it is a key set wherever it is cut, so that only its size can be what is refused."""
    whole = json.dumps(issuer.answers[KEYS]).encode()
    issuer.answers[KEYS] = whole + b" " * ANSWER_BYTES_MAX
    unreadable(issuer)
    issuer.answers[KEYS] = whole + b" " * (ANSWER_BYTES_MAX - len(whole))
    assert set(fetch_keys(issuer.settings())) == {"rsa-1", "ec-1"}


def test_an_answer_that_drips_in_is_cut_off(issuer: KeyServer) -> None:
    issuer.drip_seconds = 0.5
    began = time.monotonic()
    unreadable(issuer)
    # Whole, it would take minutes.
    assert time.monotonic() - began < ANSWER_SECONDS_MAX + 10


def test_an_answer_shorter_than_announced_is_refused(issuer: KeyServer) -> None:
    whole = json.dumps(issuer.answers[KEYS]).encode()
    issuer.answers[KEYS] = whole[:-1]
    issuer.headers = {"Content-Length": str(len(whole))}
    unreadable(issuer, OIDC_JWKS_URL=issuer.url + KEYS)
    assert issuer.asked == [KEYS]


def test_nobody_answers() -> None:
    server = KeyServer("http://127.0.0.1:1")
    unreadable(server)


def test_outside_the_local_stack_keys_come_over_https_only(issuer: KeyServer) -> None:
    changes = {"AUTH_MODE": "oidc", "OIDC_ISSUER": "https://127.0.0.1:1", "OIDC_JWKS_URL": ""}
    unreadable(issuer, **changes)
    issuer.answers[DISCOVERY] = {"issuer": issuer.url, "jwks_uri": issuer.url + KEYS}
    assert issuer.asked == []
