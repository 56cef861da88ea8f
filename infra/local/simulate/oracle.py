"""What events lead to, computed in plain Python from the contract's rules: rows, pairs, and outcomes.

It shares no code with the product. Bodies are objects with sound values, each under its field's own name.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
Place = tuple[str, str, int]
LEDGER, ORDERS = "ledger", "payment_order"
KEYS = {LEDGER: "tx_id", ORDERS: "order_id"}
COLUMNS = {
    LEDGER: [
        "tx_id",
        "wallet_id",
        "entry_type",
        "amount",
        "amount_signed",
        "currency",
        "related_id",
        "related_type",
        "event_time",
        "created_at",
        "site_id",
    ],
    ORDERS: [
        "order_id",
        "amount",
        "currency",
        "status",
        "created_at",
        "user_id",
        "merchant_name",
        "merchant_id",
        "site_id",
    ],
}
AMOUNTS = ("amount", "amount_signed")
TIMES = ("event_time", "created_at", "updated_at")
GROUPS = {
    "SUCCESS": {"SETTLED", "COMPLETED", "SUCCESS", "SUCCEEDED", "PAID"},
    "FAIL": {"FAILED", "CANCELLED", "CANCELED", "REJECTED", "DECLINED"},
    "IN_PROGRESS": {"CREATED", "PENDING", "PROCESSING", "AUTHORIZED"},
}
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Defaults:
    """What a field that is absent stands for."""

    currency: str
    site_id: str


@dataclass(frozen=True)
class Told:
    """One sound event: its place, what its body says, and the correlation id that travels beside the body."""

    stream: str
    partition_id: str
    sequence_number: int
    enqueued_at: datetime
    body: Row
    correlation_id: str | None = None

    @property
    def place(self) -> Place:
        return self.stream, self.partition_id, self.sequence_number


@dataclass(frozen=True)
class Version:
    """One version of a row: its place in the total order, its content, and what else the row keeps."""

    revision: tuple[datetime, int, datetime, int, bytes]
    content: Row
    row: Row

    @property
    def digest(self) -> bytes:
        return self.revision[-1]


def version_of(told: Told, defaults: Defaults) -> Version:
    """Read one sound event."""
    body = told.body
    content = {name: _value(name, body.get(name)) for name in COLUMNS[told.stream]}
    content["currency"] = content["currency"] or defaults.currency
    content["site_id"] = content["site_id"] or defaults.site_id
    content["created_at"] = content["created_at"] or content.get("event_time")
    updated_at, version = _value("updated_at", body.get("updated_at")), body.get("version")
    digest = digest_of(told.stream, content)
    revision = (
        updated_at or NEVER,
        -1 if version is None else int(version),
        told.enqueued_at,
        told.sequence_number,
        digest,
    )
    kept = {
        "updated_at": updated_at,
        "version": None if version is None else int(version),
        "enqueued_at": told.enqueued_at,
        "sequence_number": told.sequence_number,
        "content_digest": digest,
        "correlation_id": body.get("correlation_id") or told.correlation_id,
    }
    if told.stream == ORDERS:
        kept["status_group"] = group_of(content["status"])
    return Version(revision, content, {**content, **kept})


def _value(name: str, raw: Any) -> Any:
    if raw is None or name in AMOUNTS:
        return None if raw is None else Decimal(str(raw))
    if name in TIMES:
        moment = datetime.fromisoformat(raw.replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    return raw.upper() if name in ("entry_type", "related_type", "currency") else raw


def group_of(status: str) -> str:
    """The group a status word falls into."""
    return next((group for group, words in GROUPS.items() if status.strip().upper() in words), "UNKNOWN")


def digest_of(stream: str, content: Row) -> bytes:
    """SHA-256 over the content in field order, as the contract fixes it."""
    texts = [f"{stream}/1", *(_text(content[name]) for name in COLUMNS[stream])]
    return hashlib.sha256("\x1f".join(texts).encode()).digest()


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Decimal):
        plain = f"{value:f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    if isinstance(value, datetime):
        plain = value.replace(tzinfo=None).isoformat()
        return plain.rstrip("0") if "." in plain else plain
    return str(value)


@dataclass
class Oracle:
    """The state after some events. It follows the product call by call; the state depends on the set alone."""

    defaults: Defaults
    versions: dict[str, dict[str, Version]] = field(default_factory=lambda: {LEDGER: {}, ORDERS: {}})
    received: set[Place] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    related: set[str] = field(default_factory=set)

    def learn(self, told: Sequence[Told]) -> dict[str, int]:
        """One ingest call; what became of its events by outcome."""
        counts: Counter[str] = Counter()
        for stream in KEYS:
            mine = [each for each in told if each.stream == stream]
            once = {each.place: each for each in reversed(mine)}
            counts["redelivered"] += len(mine) - len(once)
            versions = {place: version_of(each, self.defaults) for place, each in once.items()}
            for place, outcome in self._decide(stream, versions).items():
                counts["redelivered" if place in self.received else outcome] += 1
            self.received |= once.keys()
        self.counts += counts
        return dict(+counts)

    def _decide(self, stream: str, told: dict[Place, Version]) -> dict[Place, str]:
        verdicts = {}
        by_key: dict[str, dict[Place, Version]] = {}
        for place, version in told.items():
            by_key.setdefault(version.content[KEYS[stream]], {})[place] = version
        for key, mine in by_key.items():
            best = max(mine, key=lambda place: mine[place].revision)
            for place, version in mine.items():
                verdicts[place] = "duplicate" if version.digest == mine[best].digest else "superseded"
            verdicts[best] = self._meet(stream, key, mine[best])
            self.related |= {v.content["related_id"] for v in mine.values() if belongs(v.content)}
        return verdicts

    def _meet(self, stream: str, key: str, version: Version) -> str:
        held = self.versions[stream].get(key)
        if held is None or version.revision > held.revision:
            self.versions[stream][key] = version
        if held is not None and held.digest == version.digest:
            return "duplicate"
        return "applied" if held is None or version.revision > held.revision else "superseded"

    def rows(self, stream: str) -> dict[str, Row]:
        """The rows by key, without the columns that say when and how they came."""
        return {key: version.row for key, version in self.versions[stream].items()}

    def pairs(self) -> dict[str, Row]:
        """The pair of every order that is known or pointed to."""
        entries: dict[str, list[Row]] = {}
        for version in self.versions[LEDGER].values():
            entry = version.content
            if belongs(entry):
                entries.setdefault(entry["related_id"], []).append(entry)
        orders = self.versions[ORDERS]
        return {
            order_id: pair_of(
                orders[order_id].content if order_id in orders else None, entries.get(order_id, [])
            )
            for order_id in orders.keys() | entries.keys()
        }


def belongs(content: Row) -> bool:
    """Whether the content is that of an entry which belongs to a payment order."""
    return bool(content.get("related_id")) and content["related_type"] in (None, "PAYMENT_ORDER")


def pair_of(order: Row | None, entries: Sequence[Row]) -> Row:
    """The meeting of an order's entries."""
    sides = {side: _by_age(entries, side) for side in ("PAYMENT", "RECEIVE")}
    payment, receive = (legs[0] if legs else None for legs in sides.values())
    present = [part for part in (payment, receive, order) if part]
    legs = [leg for leg in (payment, receive) if leg]
    first = present[0] if present else {}
    seconds = None
    if payment and receive:
        seconds = (
            Decimal((receive["event_time"] - payment["event_time"]) // timedelta(microseconds=1)) / 10**6
        )
    return {
        "state": ("OPEN", "INCOMPLETE", "COMPLETE")[len(legs)],
        "anomalies": anomalies_of(present, sides, is_order=order is not None, entries=entries),
        "payment_tx_id": payment and payment["tx_id"],
        "receive_tx_id": receive and receive["tx_id"],
        "sender_wallet_id": payment and payment["wallet_id"],
        "receiver_wallet_id": receive and receive["wallet_id"],
        "amount": first.get("amount"),
        "currency": first.get("currency"),
        "order_status": order and order["status"],
        "order_status_group": order and group_of(order["status"]),
        "site_id": next((part["site_id"] for part in (order, payment, receive) if part), None),
        "payment_event_time": payment and payment["event_time"],
        "receive_event_time": receive and receive["event_time"],
        "time_to_complete_seconds": seconds,
    }


def _by_age(entries: Sequence[Row], side: str) -> list[Row]:
    mine = [entry for entry in entries if entry["entry_type"] == side]
    return sorted(mine, key=lambda entry: (entry["event_time"], entry["tx_id"].encode()))


def anomalies_of(
    present: Sequence[Row], sides: dict[str, list[Row]], *, is_order: bool, entries: Sequence[Row]
) -> frozenset[str]:
    """What is odd about an order's legs and the order; `present` are those that are known."""
    meetings = [(one, other) for i, one in enumerate(present) for other in present[i + 1 :]]
    odd = {
        "AMOUNT_MISMATCH": any(
            a["currency"] == b["currency"] and a["amount"] != b["amount"] for a, b in meetings
        ),
        "CURRENCY_MISMATCH": any(a["currency"] != b["currency"] for a, b in meetings),
        "SITE_MISMATCH": any(a["site_id"] != b["site_id"] for a, b in meetings),
        "DUPLICATE_PAYMENT": len(sides["PAYMENT"]) > 1,
        "DUPLICATE_RECEIVE": len(sides["RECEIVE"]) > 1,
        "ORDER_MISSING": bool(entries) and not is_order,
    }
    return frozenset(name for name, is_odd in odd.items() if is_odd)
