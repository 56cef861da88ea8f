"""A function's retry policy as the platform runs it."""

import random
from dataclasses import dataclass
from typing import Any

ENDLESS = -1
JITTER = 0.2


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how long apart a failed invocation is repeated; the limit -1 never gives up."""

    limit: int
    fixed_seconds: float | None
    minimum_seconds: float = 0.0
    maximum_seconds: float = 0.0

    def allows(self, retries_done: int) -> bool:
        return self.limit == ENDLESS or retries_done < self.limit

    def delay_seconds(self, retry_number: int, chance: random.Random) -> float:
        """The pause before retry 1, 2, …: fixed, or doubling from the minimum with ±20 % up to the maximum."""
        if self.fixed_seconds is not None:
            return self.fixed_seconds
        # 2**30 seconds exceeds every maximum; a larger power would overflow after a night of retries.
        doubled = self.minimum_seconds * 2.0 ** min(retry_number - 1, 30)
        return min(doubled * chance.uniform(1 - JITTER, 1 + JITTER), self.maximum_seconds)


NO_RETRY = RetryPolicy(limit=0, fixed_seconds=0.0)


def retry_policy(options: Any) -> RetryPolicy:
    """The policy in the runtime's indexed metadata; without one a failed invocation is not repeated."""
    if options is None:
        return NO_RETRY
    if options.retry_strategy == "fixed_delay":
        return RetryPolicy(options.max_retry_count, options.delay_interval.total_seconds())
    return RetryPolicy(
        options.max_retry_count,
        None,
        options.minimum_interval.total_seconds(),
        options.maximum_interval.total_seconds(),
    )
