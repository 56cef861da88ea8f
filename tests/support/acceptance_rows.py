"""The stored rows of published sample events, beside what a plain fold over these events leads to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from infra.local.sample.model import SampleEvent
from infra.local.sample.records import time_field
from tests.support.acceptance import Target
from tests.support.sample_fold import FoldedState, Record

Facts = tuple[Any, ...]
_ENTRIES = """
SELECT tx_id, wallet_id, entry_type, amount, currency, related_id, site_id, event_time, updated_at, version
FROM ledger_entries WHERE tx_id = ANY(%s)
"""
_ORDERS = """
SELECT order_id, amount, currency, status, merchant_id, site_id, updated_at, version
FROM payment_orders WHERE order_id = ANY(%s)
"""
_PAIRS = "SELECT state, count(*) FROM pairs WHERE order_id = ANY(%s) GROUP BY state"


def check_rows(target: Target, events: Sequence[SampleEvent]) -> None:
    """Every row is there and says what the newest of its events says; every pair has the state its legs give."""
    fold = FoldedState(events)
    entries = {key: _entry_facts(record) for key, (_, record) in fold.entries.items()}
    orders = {key: _order_facts(record) for key, (_, record) in fold.orders.items()}
    _check_equal(_stored(target, _ENTRIES, entries), entries)
    _check_equal(_stored(target, _ORDERS, orders), orders)
    # Every order's events travel under its id.
    order_ids = {event.partition_key for event in events if event.partition_key.startswith("ord-")}
    states = Counter(dict(target.rows(_PAIRS, sorted(order_ids))))
    assert states == +fold.pair_states()


def _check_equal(stored: Mapping[str, Facts], expected: Mapping[str, Facts]) -> None:
    """The first few differences say more than two large mappings."""
    wrong = [key for key, facts in expected.items() if stored.get(key) != facts]
    assert [(stored.get(key), expected[key]) for key in wrong[:3]] == []


def _stored(target: Target, statement: str, expected: Mapping[str, Facts]) -> dict[str, Facts]:
    return {row[0]: row[1:] for row in target.rows(statement, sorted(expected))}


def _entry_facts(record: Record) -> Facts:
    return (
        record["wallet_id"],
        (record.get("entry_type") or record["type"]).upper(),
        Decimal(str(record["amount"])),
        record["currency"],
        record.get("related_id"),
        record["site_id"],
        _instant(record[time_field(record)]),
        *_revision(record),
    )


def _order_facts(record: Record) -> Facts:
    return (
        Decimal(str(record["amount"])),
        record["currency"],
        record["status"],
        record["merchant_id"],
        record["site_id"],
        *_revision(record),
    )


def _revision(record: Record) -> tuple[datetime | None, int | None]:
    updated = record.get("updated_at")
    return (_instant(updated) if updated else None, record.get("version", record.get("source_version")))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
