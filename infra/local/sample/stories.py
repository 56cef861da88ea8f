"""The lives an order of the sample can have, with the pair each must end as."""

from bisect import bisect
from itertools import accumulate
from typing import NamedTuple


class Story(NamedTuple):
    """One life: how often it happens, its statuses in order, its entries, and its final pair.

    `entries` names the legs in the order they happen; a name with a suffix after `!` is the same leg with
    that defect.
    """

    name: str
    weight: float
    statuses: tuple[str, ...]
    entries: tuple[str, ...]
    pair_state: str
    anomaly: str = ""


_PAID = ("CREATED", "AUTHORIZED", "SETTLED")
_LEGS = ("PAYMENT", "RECEIVE")

STORIES: tuple[Story, ...] = (
    Story("settled", 0.775, _PAID, _LEGS, "COMPLETE"),
    Story("settled_with_fee", 0.04, _PAID, (*_LEGS, "FEE"), "COMPLETE"),
    Story("refunded", 0.02, _PAID, (*_LEGS, "REFUND_OUT", "REFUND_IN"), "COMPLETE"),
    Story("partly_refunded", 0.01, _PAID, (*_LEGS, "REFUND_OUT!part", "REFUND_IN!part"), "COMPLETE"),
    Story("repointed", 0.01, _PAID, ("PAYMENT", "RECEIVE!repointed"), "COMPLETE"),
    Story("cancelled", 0.04, ("CREATED", "CANCELLED"), (), "OPEN"),
    Story("failed", 0.03, ("CREATED", "FAILED"), (), "OPEN"),
    Story("in_review", 0.005, ("CREATED", "IN_REVIEW"), (), "OPEN"),
    Story("authorized", 0.015, ("CREATED", "AUTHORIZED"), ("PAYMENT",), "INCOMPLETE"),
    Story("reversed", 0.01, ("CREATED", "AUTHORIZED", "FAILED"), ("PAYMENT", "REFUND_IN"), "INCOMPLETE"),
    Story("payment_only", 0.015, _PAID, ("PAYMENT",), "INCOMPLETE"),
    Story("receive_only", 0.005, _PAID, ("RECEIVE",), "INCOMPLETE"),
    Story("leg_mismatch", 0.008, _PAID, ("PAYMENT", "RECEIVE!short"), "COMPLETE", "AMOUNT_MISMATCH"),
    Story("order_mismatch", 0.004, _PAID, ("PAYMENT!short", "RECEIVE!short"), "COMPLETE", "AMOUNT_MISMATCH"),
    Story(
        "currency_mismatch", 0.002, _PAID, ("PAYMENT", "RECEIVE!currency"), "COMPLETE", "CURRENCY_MISMATCH"
    ),
    Story("order_missing", 0.005, (), _LEGS, "COMPLETE", "ORDER_MISSING"),
    Story("double_payment", 0.003, _PAID, ("PAYMENT", "PAYMENT", "RECEIVE"), "COMPLETE", "DUPLICATE_PAYMENT"),
    Story("double_receive", 0.001, _PAID, ("PAYMENT", "RECEIVE", "RECEIVE"), "COMPLETE", "DUPLICATE_RECEIVE"),
    Story("site_mismatch", 0.002, _PAID, ("PAYMENT", "RECEIVE!site"), "COMPLETE", "SITE_MISMATCH"),
)
_BOUNDS = tuple(accumulate(story.weight for story in STORIES))


def story_at(draw: float) -> Story:
    """The story for a draw between 0 and 1."""
    return STORIES[min(bisect(_BOUNDS, draw * _BOUNDS[-1]), len(STORIES) - 1)]


def whole_story_at(draw: float) -> Story:
    """The same where both sides of a payment come in one record: what such records cannot tell is told as settled."""
    story = story_at(draw)
    return story if story.entries in ((), _LEGS) else STORIES[0]
