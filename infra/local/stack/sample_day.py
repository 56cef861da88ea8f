"""The sample of the first run: yesterday, seeded, so that everybody sees the same day."""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.local.sample.day import generate, generate_exactly, yesterday
from infra.local.sample.dialects import CANONICAL
from infra.local.sample.model import SampleEvent, SampleReport

DEFAULT_ORDERS = 20_000
SEED = 1
# An estimate for the bar; the true number is known when all are sent.
EVENTS_PER_ORDER = 3.06


@dataclass(frozen=True)
class SampleDay:
    """`events` is exact when given, else it follows from 20,000 orders. The report fills while events are drawn."""

    events: Iterator[SampleEvent]
    total: int
    report: SampleReport


def sample_day(events: int | None, profile: str = CANONICAL) -> SampleDay:
    """Raises LookupError for a profile in whose dialect there is no sample."""
    report = SampleReport()
    if events is None:
        drawn = generate(SEED, DEFAULT_ORDERS, yesterday(), report=report, profile=profile)
        return SampleDay(drawn, round(DEFAULT_ORDERS * EVENTS_PER_ORDER), report)
    return SampleDay(
        generate_exactly(SEED, events, yesterday(), report=report, profile=profile), events, report
    )
