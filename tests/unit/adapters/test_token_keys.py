"""The key cache: one fetch per cool-down whatever is asked, and good keys outlive a bad issuer."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from shared.adapters.token_keys import KEYS_AGE_SECONDS_MAX, IssuerUnavailable, JwksTokenKeys
from tests.support.tokens import rsa_key
from tests.unit.adapters.key_server import KEYS, KeyServer, key_server

COOLDOWN = 30


@dataclass
class Seconds:
    """A monotonic clock that stands until it is moved."""

    shown: float = 1000.0

    def __call__(self) -> float:
        return self.shown


@pytest.fixture
def issuer() -> Iterator[KeyServer]:
    with key_server() as server:
        yield server


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def keys(issuer: KeyServer, seconds: Seconds) -> JwksTokenKeys:
    return JwksTokenKeys(issuer.settings(OIDC_KEYS_COOLDOWN_SECONDS=str(COOLDOWN)), seconds)


def fetches(issuer: KeyServer) -> int:
    return issuer.asked.count(KEYS)


def test_nothing_is_fetched_before_the_first_question(issuer: KeyServer, keys: JwksTokenKeys) -> None:
    assert issuer.asked == []
    found = keys.find("rsa-1")
    assert found is not None
    assert found.key_id == "rsa-1"


def test_a_held_key_is_answered_from_memory(issuer: KeyServer, keys: JwksTokenKeys, seconds: Seconds) -> None:
    for _ in range(50):
        assert keys.find("rsa-1")
        assert keys.find("ec-1")
        seconds.shown += 60
    assert fetches(issuer) == 1


def test_invented_key_ids_cost_one_fetch_per_cool_down(
    issuer: KeyServer, keys: JwksTokenKeys, seconds: Seconds
) -> None:
    assert [keys.find(f"invented-{n}") for n in range(10_000)] == [None] * 10_000
    assert fetches(issuer) == 1
    seconds.shown += COOLDOWN - 1
    assert keys.find("another") is None
    assert fetches(issuer) == 1
    seconds.shown += 1
    assert keys.find("another") is None
    assert fetches(issuer) == 2
    assert keys.find("rsa-1")


def test_simultaneous_questions_cost_one_fetch(issuer: KeyServer, keys: JwksTokenKeys) -> None:
    found: list[object] = []
    together = [threading.Thread(target=lambda: found.append(keys.find("rsa-1"))) for _ in range(16)]
    for each in together:
        each.start()
    for each in together:
        each.join()
    assert len(found) == 16
    assert None not in found
    assert fetches(issuer) == 1


def test_a_new_key_is_found_after_the_cool_down(
    issuer: KeyServer, keys: JwksTokenKeys, seconds: Seconds
) -> None:
    assert keys.find("rsa-1")
    issuer.publish(rsa_key("rsa-1"), rsa_key("rsa-2"))
    assert keys.find("rsa-2") is None
    seconds.shown += COOLDOWN
    assert keys.find("rsa-2")


def test_a_withdrawn_key_ends_when_the_keys_are_renewed(
    issuer: KeyServer, keys: JwksTokenKeys, seconds: Seconds
) -> None:
    assert keys.find("rsa-1")
    issuer.publish(rsa_key("rsa-2"))
    seconds.shown += KEYS_AGE_SECONDS_MAX
    assert keys.find("rsa-1")
    seconds.shown += 1
    assert keys.find("rsa-1") is None
    assert keys.find("rsa-2")


@pytest.mark.parametrize("failure", [503, {"keys": []}, b"nonsense"])
def test_good_keys_outlive_a_bad_issuer(
    issuer: KeyServer, keys: JwksTokenKeys, seconds: Seconds, failure: object
) -> None:
    assert keys.find("rsa-1")
    issuer.answers[KEYS] = failure
    seconds.shown += KEYS_AGE_SECONDS_MAX * 24
    assert keys.find("rsa-1")
    assert fetches(issuer) == 2
    with pytest.raises(IssuerUnavailable):
        keys.find("unknown")
    issuer.publish()
    seconds.shown += COOLDOWN
    assert keys.find("unknown") is None
    assert fetches(issuer) == 3


def test_without_any_key_the_issuer_is_unavailable_until_it_answers(
    issuer: KeyServer, keys: JwksTokenKeys, seconds: Seconds
) -> None:
    issuer.answers[KEYS] = 500
    for _ in range(5):
        with pytest.raises(IssuerUnavailable):
            keys.find("rsa-1")
    assert fetches(issuer) == 1
    issuer.publish()
    seconds.shown += COOLDOWN
    assert keys.find("rsa-1")


def test_a_slow_issuers_cool_down_begins_when_it_has_answered(issuer: KeyServer, seconds: Seconds) -> None:
    """The clock moves on while the issuer is asked."""
    ticks = iter([1000.0, 1020.0, 1040.0, 1049.0, 1051.0, 1051.0])
    keys = JwksTokenKeys(issuer.settings(OIDC_KEYS_COOLDOWN_SECONDS=str(COOLDOWN)), lambda: next(ticks))
    assert keys.find("a") is None
    assert [keys.find("b"), keys.find("c")] == [None, None]
    assert fetches(issuer) == 1
    assert keys.find("d") is None
    assert fetches(issuer) == 2
