"""One order of the sample: who pays whom how much, when, and which story it lives."""

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import NamedTuple

from infra.local.sample.sites import MINOR_DIGITS, SampleMerchant, SampleSite
from infra.local.sample.stories import Story, story_at, whole_story_at

DAY_MS = 86_400_000
FOREIGN_CURRENCY = "USD"
FOREIGN_SHARE = 0.07
# How busy each hour of a day is, in UTC.
_HOURS = (3, 3, 4, 5, 5, 6, 6, 7, 8, 8, 7, 7, 6, 6, 5, 5, 5, 4, 4, 3, 3, 2, 2, 3)
_HOURS_UP_TO = (0, *accumulate(_HOURS))
_STATUS_WORDS = {
    "SETTLED": ("SETTLED", "COMPLETED", "PAID", "Success"),
    "CANCELLED": ("CANCELLED", "CANCELED", "cancelled"),
    "FAILED": ("FAILED", "DECLINED", "REJECTED"),
    "AUTHORIZED": ("AUTHORIZED", "PENDING", "PROCESSING"),
}
USUAL_WORD_SHARE = 0.85


class Order(NamedTuple):
    number: int
    order_id: str
    story: Story
    statuses: tuple[str, ...]
    site: SampleSite
    merchant: SampleMerchant
    currency: str
    amount_minor: int
    created_ms: int
    payer: int
    sender_wallet: str
    receiver_wallet: str


class OrderBook:
    """Draws the orders of one day; the same chance source gives the same orders."""

    def __init__(
        self,
        chance: Random,
        day: date,
        orders: int,
        sites: tuple[SampleSite, ...],
        *,
        whole_only: bool = False,
    ) -> None:
        self._story_at = whole_story_at if whole_only else story_at
        self._chance = chance
        self._sites = sites
        self._orders = max(orders, 1)
        self._day_ms = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
        self.stamp = f"{day:%Y%m%d}"

    def draw(self, number: int) -> Order:
        draw = self._chance.random
        site = self._sites[int(draw() * len(self._sites))]
        story = self._story_at(draw())
        # Powers skew the popularity: a few merchants and wallets have most of the payments.
        place = int(len(site.merchants) * draw() ** 2.5)
        payer = int(site.wallets * draw() ** 3)
        foreign = draw() < FOREIGN_SHARE
        return Order(
            number=number,
            order_id=self.order_id(number),
            story=story,
            statuses=tuple(self._worded(status) for status in story.statuses),
            site=site,
            merchant=site.merchants[place],
            currency=FOREIGN_CURRENCY if foreign else site.currency,
            amount_minor=self._amount(2_500 if foreign else site.typical_minor),
            created_ms=self._day_ms + self._moment_ms(number),
            payer=payer,
            sender_wallet=f"{site.wallet_prefix}-{payer:06}",
            receiver_wallet=f"{site.wallet_prefix}-m{place + 1:05}",
        )

    def order_id(self, number: int) -> str:
        return f"ord-{self.stamp}-{number:06}"

    def _worded(self, status: str) -> str:
        words = _STATUS_WORDS.get(status)
        if words is None or self._chance.random() < USUAL_WORD_SHARE:
            return status
        return words[int(self._chance.random() * len(words))]

    def _amount(self, typical_minor: int) -> int:
        """Most amounts lie near the typical one, a few far above it."""
        u = self._chance.random()
        return 1 + int(typical_minor * (0.1 + u * 1.6 + 12 * u**12))

    def _moment_ms(self, number: int) -> int:
        """When in the day the order was made: later numbers later, busy hours denser."""
        share = (number + self._chance.random()) / self._orders * _HOURS_UP_TO[-1]
        hour = min(bisect_right(_HOURS_UP_TO, share) - 1, 23)
        return min(int((hour + (share - _HOURS_UP_TO[hour]) / _HOURS[hour]) * 3_600_000), DAY_MS - 1)


def amount_value(minor: int, currency: str, as_number: bool) -> int | float | str:
    """An amount as producers write it: whole currencies as integers, others as text or as a number."""
    digits = MINOR_DIGITS[currency]
    if digits == 0:
        return minor
    if as_number:
        return minor / float(10**digits)
    whole, rest = divmod(minor, 10**digits)
    return f"{whole}.{rest:0{digits}}"


_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - only arithmetic; the zone is written as text


def time_text(ms: int, offset_hours: int = 0) -> str:
    """Milliseconds since 1970 as ISO 8601, in UTC or at a fixed offset."""
    if offset_hours:
        local = (_EPOCH + timedelta(milliseconds=ms + offset_hours * 3_600_000)).isoformat(
            timespec="milliseconds"
        )
        return f"{local}{offset_hours:+03}:00"
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds") + "Z"
