"""The retry policy of the streams.

The trigger moves its checkpoint whether the function succeeds or throws; only a policy without end holds a batch
until we are well again.
"""

from typing import TypedDict


class RetryPolicy(TypedDict):
    """The arguments of the library's retry decorator; intervals are HH:MM:SS."""

    strategy: str
    max_retry_count: str
    minimum_interval: str
    maximum_interval: str


HOLD_THE_BATCH = RetryPolicy(
    strategy="exponential_backoff",
    max_retry_count="-1",
    minimum_interval="00:00:02",
    maximum_interval="00:05:00",
)
