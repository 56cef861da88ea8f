"""The development issuer as its clients see it."""

import base64
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from infra.local.identity import DEFAULT_AUDIENCE, KeyRing, object_id_of
from tests.support.identity import RunningIssuer, running_issuer
from tests.support.processes import ModuleProcess

MODULE = "infra.local.identity"


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningIssuer]:
    with running_issuer(tmp_path_factory.mktemp("identity")) as running:
        yield running


@pytest.fixture
def calm(issuer: RunningIssuer) -> Iterator[RunningIssuer]:
    """The issuer, whose faults are switched off again after the test."""
    yield issuer
    issuer.set_faults(jwks_delay_seconds=0, jwks_status=200, jwks_padding_bytes=0)


def discovery(issuer: RunningIssuer) -> dict[str, Any]:
    document: dict[str, Any] = httpx.get(f"{issuer.url}/.well-known/openid-configuration").json()
    return document


def verify(issuer: RunningIssuer, token: str, audience: str = DEFAULT_AUDIENCE) -> dict[str, Any]:
    """Check a token the way a resource server does: by the published keys only."""
    keys = jwt.PyJWKSet.from_dict(httpx.get(discovery(issuer)["jwks_uri"]).json())
    key = keys[jwt.get_unverified_header(token)["kid"]]
    return jwt.decode(token, key, algorithms=["RS256", "ES256"], audience=audience, issuer=issuer.url)


def ask_for_token(issuer: RunningIssuer, **form: str) -> httpx.Response:
    return httpx.post(f"{issuer.url}/token", data={"grant_type": "client_credentials", **form})


def test_discovery_names_its_own_address(issuer: RunningIssuer) -> None:
    document = discovery(issuer)
    assert document["issuer"] == issuer.url
    assert document["token_endpoint"] == f"{issuer.url}/token"
    assert document["id_token_signing_alg_values_supported"] == ["RS256", "ES256"]


def test_the_key_set_holds_public_halves_only(issuer: RunningIssuer) -> None:
    keys = httpx.get(f"{issuer.url}/jwks").json()["keys"]
    assert {key["alg"] for key in keys} == {"RS256", "ES256"}
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {name for key in keys for name in key}


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_client_credentials_give_the_chosen_claims(issuer: RunningIssuer, algorithm: str) -> None:
    answer = ask_for_token(
        issuer,
        client_id="nightly-job",
        client_secret="anything",
        sub="anna",
        oid="6a5c0000-0000-4000-8000-000000000001",
        roles="operator viewer",
        scp="orders.read orders.write",
        aud="api://other",
        ttl="90",
        alg=algorithm,
    )
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["expires_in"] == 90
    token = answer.json()["access_token"]
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    claims = verify(issuer, token, "api://other")
    assert (claims["sub"], claims["oid"]) == ("anna", "6a5c0000-0000-4000-8000-000000000001")
    assert claims["roles"] == ["operator", "viewer"]
    assert claims["scp"] == "orders.read orders.write"
    assert claims["exp"] - claims["iat"] == 90


def test_a_client_without_wishes_gets_its_own_name_and_no_role(issuer: RunningIssuer) -> None:
    credentials = base64.b64encode(b"nightly-job:secret").decode()
    answer = httpx.post(
        f"{issuer.url}/token",
        data={"grant_type": "client_credentials", "scope": "api://counterfoil/.default"},
        headers={"Authorization": f"Basic {credentials}"},
    )
    claims = verify(issuer, answer.json()["access_token"])
    assert (claims["sub"], claims["oid"]) == ("nightly-job", object_id_of("nightly-job"))
    assert "roles" not in claims


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"grant_type": "password", "client_id": "a"}, "unsupported_grant_type"),
        ({}, "invalid_client"),
        ({"client_id": "a", "ttl": "0"}, "invalid_request"),
        ({"client_id": "a", "ttl": "soon"}, "invalid_request"),
        ({"client_id": "a", "ttl": "99999999"}, "invalid_request"),
        ({"client_id": "a", "alg": "none"}, "invalid_request"),
        ({"client_id": "a", "roles": "über-user"}, "invalid_request"),
    ],
)
def test_bad_requests_are_refused(issuer: RunningIssuer, form: dict[str, str], code: str) -> None:
    answer = ask_for_token(issuer, **form)
    assert (answer.status_code, answer.json()["error"]) == (400, code)


def test_a_foreign_host_name_is_refused(issuer: RunningIssuer) -> None:
    answer = httpx.get(f"{issuer.url}/jwks", headers={"Host": "attacker.example"})
    assert answer.status_code == 400


def test_rotation_keeps_old_tokens_valid_until_the_old_keys_are_withdrawn(issuer: RunningIssuer) -> None:
    before = issuer.mint("operator")
    issuer.rotate()
    after = issuer.mint("operator")
    assert jwt.get_unverified_header(before)["kid"] != jwt.get_unverified_header(after)["kid"]
    assert verify(issuer, before)["sub"] == verify(issuer, after)["sub"] == "local-operator"
    issuer.rotate(keep_old=False)
    with pytest.raises(KeyError):
        verify(issuer, after)


def test_old_keys_do_not_pile_up(issuer: RunningIssuer) -> None:
    for _ in range(4):
        issuer.rotate()
    assert len(httpx.get(f"{issuer.url}/jwks").json()["keys"]) == 6


def test_the_key_set_can_be_slow_absent_or_huge(calm: RunningIssuer) -> None:
    asked = calm.counts()["jwks_requests"]
    calm.set_faults(jwks_delay_seconds=30)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{calm.url}/jwks", timeout=0.2)
    calm.set_faults(jwks_delay_seconds=0, jwks_status=503)
    assert httpx.get(f"{calm.url}/jwks").status_code == 503
    calm.set_faults(jwks_status=200, jwks_padding_bytes=3_000_000)
    assert len(httpx.get(f"{calm.url}/jwks").content) > 3_000_000
    assert calm.counts()["jwks_requests"] == asked + 3


def test_an_unknown_switch_is_named(issuer: RunningIssuer) -> None:
    answer = httpx.put(f"{issuer.url}/faults", json={"jwks_colour": 1})
    assert answer.status_code == 400
    assert "jwks_colour" in answer.json()["error_description"]


def test_keys_and_tokens_survive_a_restart_on_the_same_port(tmp_path: Path) -> None:
    with running_issuer(tmp_path) as first:
        token = first.mint("auditor")
        port = int(first.url.rpartition(":")[2])
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    with running_issuer(tmp_path, port=port) as second:
        assert verify(second, token)["roles"] == ["auditor"]
    assert KeyRing.load(tmp_path).issuer == first.url


def test_it_starts_only_in_the_local_environment(tmp_path: Path) -> None:
    with ModuleProcess(MODULE, ["--data", str(tmp_path)], environment={"APP_ENV": "prod"}) as process:
        code, complaints = process.wait()
    assert (code, process.ready) == (1, {})
    assert complaints == "The development issuer gives anybody any role: it starts only with APP_ENV=local.\n"
    assert not (tmp_path / "keys.json").exists()


def test_a_busy_port_is_one_sentence(issuer: RunningIssuer, tmp_path: Path) -> None:
    arguments = ["--data", str(tmp_path), "--port", issuer.url.rpartition(":")[2]]
    with ModuleProcess(MODULE, arguments, environment={"APP_ENV": "local"}) as process:
        code, complaints = process.wait()
    assert code == 1
    assert "is busy: stop the program that uses it" in complaints
    assert complaints.count("\n") == 1


def test_without_the_flag_there_are_no_switches_and_it_ends_with_its_parent(tmp_path: Path) -> None:
    arguments = ["--data", str(tmp_path), "--watch-parent"]
    environment = {**os.environ, "APP_ENV": "local"}
    with ModuleProcess(MODULE, arguments, environment=environment) as process:
        assert httpx.get(f"{process.ready['issuer']}/faults").status_code == 404
        process.end_standard_input()
        assert process.wait() == (0, "")
