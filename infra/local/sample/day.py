"""A day of payments as a stream of events in the order in which they are sent.

The stream is made order by order. A queue holds only events that are still under way, which a fixed
number of later orders bounds, so memory does not grow with the day.
"""

import heapq
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random

from infra.local.sample.delivery import Delivery
from infra.local.sample.dialects import CANONICAL
from infra.local.sample.model import Planned, SampleEvent, SampleReport
from infra.local.sample.sites import SITES, SampleSite

MALFORMED_SHARE = 0.005
# A little below the mean, so that the orders of a day never run out before its events do.
EVENTS_PER_ORDER = 3.0


def yesterday() -> date:
    """The last day that is over in UTC."""
    return (datetime.now(UTC) - timedelta(days=1)).date()


def generate(
    seed: int,
    orders: int,
    day: date,
    sites: tuple[SampleSite, ...] = SITES,
    malformed_share: float = MALFORMED_SHARE,
    report: SampleReport | None = None,
    profile: str = CANONICAL,
) -> Iterator[SampleEvent]:
    """The events of `orders` orders, about three for each; the same arguments give the same bytes."""
    report = report or SampleReport()
    delivery = Delivery(_chance(seed, day), day, orders, sites, malformed_share, profile)
    return _in_send_order(_plans(delivery, orders, report), report)


def generate_exactly(
    seed: int,
    events: int,
    day: date,
    sites: tuple[SampleSite, ...] = SITES,
    malformed_share: float = MALFORMED_SHARE,
    report: SampleReport | None = None,
    profile: str = CANONICAL,
) -> Iterator[SampleEvent]:
    """Exactly `events` events: whole orders, and wallet top-ups for the rest."""
    report = report or SampleReport()
    orders = max(1, int(events / EVENTS_PER_ORDER))
    delivery = Delivery(_chance(seed, day), day, orders, sites, malformed_share, profile)
    return _in_send_order(_plans_up_to(delivery, orders, events, report), report)


def _chance(seed: int, day: date) -> Random:
    return Random(f"counterfoil sample {seed} {day.isoformat()}")


def _plans(delivery: Delivery, orders: int, report: SampleReport) -> Iterator[list[Planned]]:
    for number in range(orders):
        story, planned = delivery.plan(number)
        report.count_order(story.pair_state, story.anomaly)
        yield planned


def _plans_up_to(
    delivery: Delivery, orders: int, events: int, report: SampleReport
) -> Iterator[list[Planned]]:
    left = events
    for number in range(orders):
        story, planned = delivery.plan(number)
        if len(planned) > left:
            break
        left -= len(planned)
        report.count_order(story.pair_state, story.anomaly)
        yield planned
    for number in range(orders, orders + left):
        yield [delivery.top_up(number)]


def _in_send_order(plans: Iterable[list[Planned]], report: SampleReport) -> Iterator[SampleEvent]:
    queue: list[tuple[float, int, SampleEvent]] = []
    count = 0
    for place, planned in enumerate(plans):
        while queue and queue[0][0] < place:
            yield _counted(heapq.heappop(queue)[2], report)
        for position, event in planned:
            # The count settles equal positions, so that the order of sending is fixed.
            heapq.heappush(queue, (position, count, event))
            count += 1
    while queue:
        yield _counted(heapq.heappop(queue)[2], report)


def _counted(event: SampleEvent, report: SampleReport) -> SampleEvent:
    report.count_event(event)
    return event
