"""When the events of an order are sent: in time, late, out of order, twice, or stale."""

from datetime import date
from random import Random

from infra.local.sample.dialects import RECEIVER, dialect_of
from infra.local.sample.envelopes import Envelopes
from infra.local.sample.malformed import malformed_in
from infra.local.sample.model import LEDGER, MALFORMED_PREFIX, PAYMENT_ORDER, Planned, SampleEvent, Stream
from infra.local.sample.orders import Order, OrderBook
from infra.local.sample.records import ENTRY_SECONDS, STEP_SECONDS, Body, RecordWriter, time_field
from infra.local.sample.sites import SampleSite
from infra.local.sample.stories import Story

DAY_SECONDS = 86_400
# No event is sent more than this many orders after its own, which bounds the events under way.
WINDOW_ORDERS = 4_000
ONE_SNAPSHOT_SHARE = 0.92
TWO_SNAPSHOTS_SHARE = 0.06
LATE_SHARE = 0.01
SWAPPED_SHARE = 0.04
REPEATED_SHARE = 0.01
STALE_SHARE = 0.01
TOP_UP_SHARE = 0.015


class Delivery:
    """Plans what is sent for each order, and when, counted in orders since the day began."""

    def __init__(
        self,
        chance: Random,
        day: date,
        orders: int,
        sites: tuple[SampleSite, ...],
        malformed_share: float,
        profile: str,
    ) -> None:
        self._draw = chance.random
        self._dialect = dialect_of(profile)
        self._book = OrderBook(chance, day, orders, sites, whole_only=self._dialect.is_whole)
        self._records = RecordWriter(chance, self._book.stamp, sites)
        self._envelopes = Envelopes(chance, self._dialect)
        self._orders_per_second = orders / DAY_SECONDS
        self._window = min(WINDOW_ORDERS, max(orders / 4, 1.0))
        # The share is of all events, the malformed ones included.
        self._malformed_odds = malformed_share / (1 - malformed_share)
        self._malformed_count = 0

    def plan(self, number: int) -> tuple[Story, list[Planned]]:
        """The story of the order with this number and all its events."""
        order = self._book.draw(number)
        planned = [*self._snapshots(order), *self._entries(order)]
        if self._draw() < SWAPPED_SHARE and len(planned) > 1:
            planned = _first_and_last_swapped(planned)
        if self._draw() < TOP_UP_SHARE:
            planned.append(self._top_up_of(order))
        planned.extend(self._extras(order, planned))
        return order.story, planned

    def top_up(self, number: int) -> Planned:
        """A wallet top-up on its own."""
        return self._top_up_of(self._book.draw(number))

    def _snapshots(self, order: Order) -> list[Planned]:
        """The last snapshots of the order; most producers send only the final one."""
        steps = len(order.statuses)
        if not steps:
            return []
        draw = self._draw()
        sent = 1 if draw < ONE_SNAPSHOT_SHARE else 2 if draw < ONE_SNAPSHOT_SHARE + TWO_SNAPSHOTS_SHARE else 3
        planned = [self._snapshot(order, step, "order") for step in range(max(0, steps - sent), steps)]
        if self._draw() < STALE_SHARE:
            stale = self._snapshot(order, 0, "stale")
            planned.append(Planned(planned[-1].position + self._short_delay(), stale.event))
        return planned

    def _snapshot(self, order: Order, step: int, kind: str) -> Planned:
        body = self._records.snapshot(order, step)
        return self._planned(order, PAYMENT_ORDER, body, kind, STEP_SECONDS[step])

    def _entries(self, order: Order) -> list[Planned]:
        if self._dialect.is_whole:
            return self._transfers(order)
        planned: list[Planned] = []
        seen: dict[str, int] = {}
        for name in order.story.entries:
            entry_type, _, defect = name.partition("!")
            seen[entry_type] = copy = seen.get(entry_type, 0) + 1
            body = self._records.entry(order, entry_type, defect, copy)
            kind = entry_type.lower() if defect != "repointed" else "repointed"
            if defect == "repointed":
                planned.append(self._pointing_elsewhere(order, body))
            planned.append(self._planned(order, LEDGER, body, kind, ENTRY_SECONDS[entry_type]))
        return planned

    def _transfers(self, order: Order) -> list[Planned]:
        """One record for both sides of a payment."""
        if not order.story.entries:
            return []
        body = self._records.entry(order, "PAYMENT", "", 1)
        body[RECEIVER] = order.receiver_wallet
        return [self._planned(order, LEDGER, body, "transfer", ENTRY_SECONDS["PAYMENT"])]

    def _pointing_elsewhere(self, order: Order, body: Body) -> Planned:
        """The first version of an entry, at a neighbour's order; the body becomes the second version."""
        neighbour = self._book.order_id(max(order.number - 1, 0))
        first = {**body, "related_id": neighbour, "related_type": "PAYMENT_ORDER"}
        first.pop("source_version", None)
        first["version"] = 1
        first.setdefault("updated_at", _time_in(body))
        body.pop("source_version", None)
        body["version"] = 2
        body["updated_at"] = first["updated_at"]
        return self._planned(order, LEDGER, first, "repointed", ENTRY_SECONDS["PAYMENT"])

    def _planned(self, order: Order, stream: Stream, body: Body, kind: str, after_seconds: int) -> Planned:
        event = self._envelopes.wrap(stream, order.order_id, body, kind)
        delay = min(after_seconds * self._orders_per_second, self._window) + self._draw()
        if self._draw() < LATE_SHARE:
            delay += self._window * self._draw()
        return Planned(order.number + delay, event)

    def _top_up_of(self, order: Order) -> Planned:
        body = self._records.top_up(order)
        event = self._envelopes.wrap(LEDGER, body["tx_id"], body, "top_up")
        return Planned(order.number + self._draw(), event)

    def _extras(self, order: Order, planned: list[Planned]) -> list[Planned]:
        """Exact repetitions and malformed events beside the sound ones."""
        extras = []
        for position, event in planned:
            if self._draw() < REPEATED_SHARE:
                again = event._replace(kind="repeated")
                extras.append(Planned(position + self._short_delay(), again))
            if self._draw() < self._malformed_odds:
                extras.append(Planned(position, self._malformed(order)))
        return extras

    def _malformed(self, order: Order) -> SampleEvent:
        number = self._malformed_count
        self._malformed_count += 1
        if number % 3 == 2 and order.statuses:
            stream, body = PAYMENT_ORDER, self._records.snapshot(order, 0)
            body["order_id"] += f"-x{number}"
        else:
            stream, body = LEDGER, self._records.entry(order, "PAYMENT", "", 1)
            body["tx_id"] += f"-x{number}"
        kind, data = malformed_in(self._dialect, number, stream, body)
        return SampleEvent(stream, order.order_id, data, {}, MALFORMED_PREFIX + kind)

    def _short_delay(self) -> float:
        return self._window * 0.02 * self._draw()


def _first_and_last_swapped(planned: list[Planned]) -> list[Planned]:
    first, last = planned[0], planned[-1]
    return [Planned(last.position, first.event), *planned[1:-1], Planned(first.position, last.event)]


def _time_in(body: Body) -> str:
    return str(body[time_field(body)])
