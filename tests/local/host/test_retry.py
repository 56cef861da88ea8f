import random
from datetime import timedelta
from types import SimpleNamespace

import pytest

from infra.local.host.retry import ENDLESS, NO_RETRY, RetryPolicy, retry_policy


def test_the_indexed_policy_is_read() -> None:
    fixed = SimpleNamespace(
        max_retry_count=3, retry_strategy="fixed_delay", delay_interval=timedelta(seconds=5)
    )
    growing = SimpleNamespace(
        max_retry_count=-1,
        retry_strategy="exponential_backoff",
        minimum_interval=timedelta(seconds=2),
        maximum_interval=timedelta(minutes=5),
    )
    assert retry_policy(fixed) == RetryPolicy(3, 5.0)
    assert retry_policy(growing) == RetryPolicy(ENDLESS, None, 2.0, 300.0)
    assert retry_policy(None) == NO_RETRY


def test_limits() -> None:
    assert not NO_RETRY.allows(0)
    assert RetryPolicy(3, 0.0).allows(2)
    assert not RetryPolicy(3, 0.0).allows(3)
    assert RetryPolicy(ENDLESS, 0.0).allows(10**6)


@pytest.mark.parametrize(("number", "middle"), [(1, 2.0), (2, 4.0), (3, 8.0), (8, 256.0)])
def test_the_delay_doubles_within_a_fifth(number: int, middle: float) -> None:
    policy = RetryPolicy(ENDLESS, None, 2.0, 300.0)
    delays = [policy.delay_seconds(number, random.Random(seed)) for seed in range(200)]
    assert middle * 0.8 <= min(delays) < middle * 0.9
    assert middle * 1.1 < max(delays) <= min(middle * 1.2, 300.0)


def test_the_delay_is_capped_for_ever() -> None:
    policy = RetryPolicy(ENDLESS, None, 2.0, 300.0)
    assert {policy.delay_seconds(number, random.Random(1)) for number in (12, 1_000, 1_000_000)} == {300.0}
    assert RetryPolicy(3, 5.0).delay_seconds(2, random.Random(1)) == 5.0
