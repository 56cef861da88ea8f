"""Shared access signatures, as the SDK makes them."""

import time

import pytest
from azure.eventhub._pyamqp.utils import generate_sas_token

from infra.local.eventhubs.cbs import Claims, verify_sas
from infra.local.eventhubs.errors import Condition
from tests.support.amqp_client import refusal

KEYS = {"local": "secret"}


def _token(resource: str, name: str = "local", key: str = "secret", seconds: int = 3600) -> str:
    expiry = int(time.time()) + seconds
    return str(generate_sas_token(resource, name, key, expiry))  # type: ignore[no-untyped-call]


def test_a_token_covers_its_hub_only() -> None:
    claims = Claims(KEYS)
    with refusal(Condition.UNAUTHORIZED):
        claims.check("ledger")
    assert claims.put_token(_token("sb://127.0.0.1:5672/ledger/ConsumerGroups/g"))[0] == 202
    claims.check("Ledger")
    with refusal(Condition.UNAUTHORIZED):
        claims.check("payments")


def test_a_namespace_token_covers_all_hubs() -> None:
    claims = Claims(KEYS)
    assert claims.put_token(_token("sb://127.0.0.1:5672/"))[0] == 202
    claims.check("payments")


def test_the_token_carries_its_expiry() -> None:
    scope, expiry = verify_sas(_token("sb://h/ledger"), KEYS)
    assert scope == "ledger"
    assert time.time() < expiry < time.time() + 7200


@pytest.mark.parametrize(
    "token",
    [
        _token("sb://h/ledger", key="wrong"),
        _token("sb://h/ledger", name="stranger"),
        _token("sb://h/ledger").replace("ledger", "payments"),
        "SharedAccessSignature sr=x&sig=y&se=soon&skn=local",
        "SharedAccessSignature sr=x&sig=%C3%BC&se=99999999999&skn=local",
        "",
    ],
    ids=["key", "name", "resource", "expiry", "signature", "empty"],
)
def test_other_tokens_are_refused(token: str) -> None:
    assert Claims(KEYS).put_token(token)[0] == 401
    with refusal(Condition.UNAUTHORIZED):
        verify_sas(token, KEYS)


def test_an_expired_token_is_refused_and_says_so() -> None:
    status, description = Claims(KEYS).put_token(_token("sb://h/ledger", seconds=-60))
    assert (status, description.split(":")[0]) == (401, "ExpiredToken")


def test_without_keys_everything_is_allowed() -> None:
    claims = Claims(None)
    assert claims.put_token("anything") == (202, "Accepted")
    claims.check("ledger")
