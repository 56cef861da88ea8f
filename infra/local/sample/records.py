"""The bodies of an order's events: its snapshots and its ledger entries, before any envelope."""

from random import Random
from typing import Any

from infra.local.sample.orders import FOREIGN_CURRENCY, Order, amount_value, time_text
from infra.local.sample.sites import SampleSite

Body = dict[str, Any]

SUFFIX = {"PAYMENT": "P", "RECEIVE": "R", "FEE": "F", "REFUND_OUT": "O", "REFUND_IN": "I", "CHARGE": "C"}
# Seconds after the order at which an entry happens.
ENTRY_SECONDS = {"PAYMENT": 4, "RECEIVE": 9, "FEE": 11, "REFUND_OUT": 1_800, "REFUND_IN": 1_803, "CHARGE": 0}
STEP_SECONDS = (0, 3, 12)
PAYER_SIDE = frozenset({"PAYMENT", "REFUND_IN", "CHARGE"})
OUTGOING = frozenset({"PAYMENT", "REFUND_OUT", "FEE"})
NUMBER_SHARE = 0.2
LOCAL_TIME_SHARE = 0.05
ALIAS_SHARE = 0.06
ORDER_ALIAS_SHARE = 0.02
BARE_SHARE = 0.01
# What some producers call a field of an entry; created_at stands in for event_time rather than naming it.
ENTRY_ALIASES = (
    ("entry_type", "type"),
    ("event_time", "source_created_at"),
    ("event_time", "created_at"),
    ("version", "source_version"),
)


def time_field(body: Body) -> str:
    """The name under which a body tells when it happened."""
    return next(name for name in ("event_time", "source_created_at", "created_at") if name in body)


class RecordWriter:
    """Writes bodies the way a mixed crowd of producers does: aliases, local times, numbers and texts."""

    def __init__(self, chance: Random, stamp: str, sites: tuple[SampleSite, ...]) -> None:
        self._draw = chance.random
        self._stamp = stamp
        self._sites = sites

    def snapshot(self, order: Order, step: int) -> Body:
        """The order as it stood at one step of its life; the version counts the steps."""
        offset = self._offset(order.site)
        body: Body = {
            "order_id": order.order_id,
            "amount": amount_value(order.amount_minor, order.currency, self._draw() < NUMBER_SHARE),
            "status": order.statuses[step],
            "created_at": time_text(order.created_ms, offset),
            "user_id": f"usr-{order.payer:06}",
            "merchant_id": order.merchant.merchant_id,
            "merchant_name": order.merchant.name,
            "currency": order.currency,
            "site_id": order.site.site_id,
            "updated_at": time_text(order.created_ms + STEP_SECONDS[step] * 1000, offset),
            "version": step + 1,
        }
        if self._draw() < ORDER_ALIAS_SHARE:
            body["source_version"] = body.pop("version")
        return body

    def entry(self, order: Order, entry_type: str, defect: str, copy: int) -> Body:
        """A ledger entry of the order. `copy` counts entries of one type; `defect` is of stories.py."""
        at_ms = order.created_ms + ENTRY_SECONDS[entry_type] * 1000 + int(self._draw() * 2000)
        minor, currency, site = self._with_defect(order, entry_type, defect)
        value = amount_value(minor, currency, self._draw() < NUMBER_SHARE)
        body: Body = {
            "tx_id": f"tx-{self._stamp}-{order.number:07}-{SUFFIX[entry_type]}{copy if copy > 1 else ''}",
            "wallet_id": order.sender_wallet if entry_type in PAYER_SIDE else order.receiver_wallet,
            "entry_type": entry_type,
            "amount": value,
            "amount_signed": f"-{value}" if entry_type in OUTGOING else value,
            "currency": currency,
            "related_id": order.order_id,
            "related_type": "PAYMENT_ORDER",
            "event_time": time_text(at_ms, self._offset(site)),
            "site_id": site.site_id,
            "updated_at": time_text(at_ms + 40),
            "version": 1,
        }
        return self._varied(body)

    def top_up(self, order: Order) -> Body:
        """Money put on a wallet: an entry that belongs to no order."""
        body = self.entry(order, "CHARGE", "", 1)
        body.pop("related_id")
        body.pop("related_type", None)
        return body

    def _with_defect(self, order: Order, entry_type: str, defect: str) -> tuple[int, str, SampleSite]:
        minor, currency, site = order.amount_minor, order.currency, order.site
        if entry_type == "FEE":
            return 1 + minor * 3 // 100, currency, site
        if defect == "part":
            minor = 1 + minor // 3
        elif defect == "short":
            minor += 1 + minor // 50
        elif defect == "currency":
            currency = "EUR" if currency == FOREIGN_CURRENCY else FOREIGN_CURRENCY
        elif defect == "site":
            site = self._sites[(self._sites.index(site) + 1) % len(self._sites)]
        return minor, currency, site

    def _varied(self, body: Body) -> Body:
        draw = self._draw()
        if draw < ALIAS_SHARE:
            name, alias = ENTRY_ALIASES[int(draw / ALIAS_SHARE * len(ENTRY_ALIASES))]
            value = body.pop(name)
            # Those who say type write its values small.
            body[alias] = value.lower() if alias == "type" else value
        elif draw < ALIAS_SHARE + BARE_SHARE:
            del body["updated_at"], body["version"]
        elif draw < ALIAS_SHARE + 2 * BARE_SHARE:
            body.pop("related_type", None)
        return body

    def _offset(self, site: SampleSite) -> int:
        return site.offset_hours if self._draw() < LOCAL_TIME_SHARE else 0
