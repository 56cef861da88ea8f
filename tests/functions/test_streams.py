"""Batches from the host's bytes through the library's decoder into rows, and back out over HTTP."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from infra.local.host.worker import Retry
from tests.functions.conftest import LEDGER_HUB, Installation
from tests.functions.platform import Delivered, body

ENQUEUED = datetime(2026, 11, 23, 11, 59, 58, 250000, tzinfo=UTC)


def entry(tx_id: str, wallet_id: str, entry_type: str, order_id: str, **changes: object) -> bytes:
    usual = {
        "tx_id": tx_id,
        "wallet_id": wallet_id,
        "entry_type": entry_type,
        "amount": "12.50",
        "related_id": order_id,
        "event_time": "2026-11-23T11:59:57Z",
        "version": 1,
    }
    return body(**{**usual, **changes})


def order(order_id: str, **changes: object) -> bytes:
    usual = {
        "order_id": order_id,
        "amount": 12.5,
        "status": "Paid",
        "created_at": "2026-11-23T11:59:50Z",
        "version": 1,
    }
    return body(**{**usual, **changes})


def payment(order_id: str) -> list[bytes]:
    """The two sides of an order."""
    return [
        entry(f"{order_id}-p", f"{order_id}-from", "PAYMENT", order_id),
        entry(f"{order_id}-r", f"{order_id}-to", "RECEIVE", order_id),
    ]


def dead_letters(rows: psycopg.Connection[Any], partition: str) -> list[tuple[Any, ...]]:
    query = """
        SELECT sequence_number, error_code, error_field, partition_key, properties, correlation_id, event_offset,
               enqueued_at, body, encode(body_sha256, 'hex')
        FROM dead_letters WHERE partition_id = %s ORDER BY sequence_number
    """
    return rows.execute(query, [partition]).fetchall()


def counts(rows: psycopg.Connection[Any], partition: str) -> tuple[int, ...]:
    """Applied, superseded, duplicate, dead-lettered, redelivered of the partition."""
    query = """
        SELECT applied, superseded, duplicate, dead_lettered, redelivered FROM stream_positions WHERE partition_id = %s
    """
    return rows.execute(query, [partition]).fetchone() or ()


def answer(installed: Installation, tx_id: str) -> dict[str, Any]:
    done = installed.get("http_tx", f"tx/{tx_id}", tx_id=tx_id)
    assert done.status == 200, done
    document: dict[str, Any] = json.loads(done.body)
    return document


def test_a_payment_goes_in_as_bytes_and_comes_out_complete(installed: Installation, partition: str) -> None:
    sides = [Delivered(each, number) for number, each in enumerate(payment("o-whole"))]
    assert installed.deliver("stream_ledger", *sides, partition=partition).succeeded
    assert answer(installed, "o-whole-p")["status"] is None
    done = installed.deliver("stream_payment_orders", Delivered(order("o-whole"), 0), partition=partition)
    assert done.succeeded, done.error
    found = answer(installed, "o-whole-p")
    assert (found["amount"], found["currency"], found["site"]) == ("12.5", "USD", "KR-SEOUL")
    assert (found["pairing_status"], found["paired_tx_id"], found["anomalies"]) == (
        "COMPLETE",
        "o-whole-r",
        [],
    )
    assert (found["sender_wallet_id"], found["receiver_wallet_id"]) == ("o-whole-from", "o-whole-to")
    assert (found["status"], found["status_group"]) == ("Paid", "SUCCESS")
    listed = json.loads(
        installed.get("http_payment_order", "payment-orders/o-whole", order_id="o-whole").body
    )
    assert [each["tx_id"] for each in listed["entries"]["items"]] == ["o-whole-p", "o-whole-r"]
    wallet = installed.get("http_wallet_tx", "wallets/o-whole-to/tx", wallet_id="o-whole-to")
    assert [each["tx_id"] for each in json.loads(wallet.body)["items"]] == ["o-whole-r"]


@pytest.mark.parametrize(
    ("enqueued", "expected"),
    [
        ("2026-11-23T11:59:58.25", ENQUEUED),
        ("2026-11-23T11:59:58.250Z", ENQUEUED),
        ("2026-11-23T11:59:58.2509999", ENQUEUED),
        ("2026-11-23T11:59:58", ENQUEUED.replace(microsecond=0)),
    ],
)
def test_a_time_without_a_zone_is_utc_to_the_millisecond(
    installed: Installation, rows: psycopg.Connection[Any], partition: str, enqueued: str, expected: datetime
) -> None:
    tx_id = f"t-{partition}"
    sent = Delivered(entry(tx_id, "w", "CHARGE", ""), 3, enqueued)
    done = installed.deliver("stream_ledger", sent, partition=partition)
    assert done.succeeded, done.error
    query = "SELECT enqueued_at, sequence_number FROM ledger_entries WHERE tx_id = %s"
    assert rows.execute(query, [tx_id]).fetchone() == (expected, 3)


def test_a_poison_event_is_quarantined_with_its_own_metadata_and_its_neighbours_commit(
    installed: Installation, rows: psycopg.Connection[Any], partition: str
) -> None:
    """The keyless event stands between keyed ones: keys, offsets and properties must not slip to a neighbour."""
    poison = b'\xff\xfe{"tx_id": "never"}'
    batch = [
        Delivered(
            entry("t-before", "w", "CHARGE", ""), 10, key="k-10", properties={"x-correlation-id": "c-10"}
        ),
        Delivered(poison, 11, properties={"x-correlation-id": "c-11", "count": 3}),
        Delivered(entry("t-after", "w", "CHARGE", ""), 12, key="k-12", properties=None),
        Delivered(
            body(tx_id="t-bad", wallet_id="w", entry_type="CHARGE", amount="x", version=1), 13, key="k-13"
        ),
    ]
    done = installed.deliver("stream_ledger", *batch, partition=partition)
    assert done.succeeded, done.error
    first, second = dead_letters(rows, partition)
    assert first[:7] == (
        11,
        "CONTRACT_ENCODING_INVALID",
        None,
        None,
        batch[1].properties,
        "c-11",
        batch[1].offset,
    )
    assert first[7:] == (ENQUEUED, poison, hashlib.sha256(poison).hexdigest())
    assert second[:4] == (13, "CONTRACT_FIELD_INVALID", "amount", "k-13")
    assert answer(installed, "t-before")["tx_id"] == "t-before"
    assert answer(installed, "t-after")["tx_id"] == "t-after"
    query = (
        "SELECT tx_id, correlation_id FROM ledger_entries WHERE tx_id IN ('t-before', 't-after') ORDER BY 1"
    )
    assert rows.execute(query).fetchall() == [("t-after", None), ("t-before", "c-10")]
    assert counts(rows, partition) == (2, 0, 0, 2, 0)


@pytest.mark.parametrize(
    "poison",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\x00",
        b"{}",
        b'{"tx_id":1,"tx_id":2}',
        b"[" * 10_000,
        b'{"tx_id":NaN}',
    ],
    ids=lambda each: str(each[:20]),
)
def test_a_body_that_is_no_event_harms_nobody(
    installed: Installation, rows: psycopg.Connection[Any], partition: str, poison: bytes
) -> None:
    tx_id = f"t-beside-{partition}"
    done = installed.deliver(
        "stream_ledger",
        Delivered(poison, 0),
        Delivered(entry(tx_id, "w", "CHARGE", ""), 1),
        partition=partition,
    )
    assert done.succeeded, done.error
    assert counts(rows, partition) == (1, 0, 0, 1, 0)
    ((number, _code, *_, kept, _digest),) = dead_letters(rows, partition)
    assert (number, kept) == (0, poison)
    assert answer(installed, tx_id)["tx_id"] == tx_id


def test_a_retry_or_a_redelivery_changes_nothing(
    installed: Installation, rows: psycopg.Connection[Any], partition: str
) -> None:
    batch = [Delivered(each, number) for number, each in enumerate([*payment("o-again"), b"{"])]
    assert installed.deliver("stream_ledger", *batch, partition=partition).succeeded
    stored = business_rows(rows, "o-again")
    first = counts(rows, partition)
    assert first == (2, 0, 0, 1, 0)
    for retry in (Retry(0, -1), Retry(1, -1, "DatabaseUnavailable", "trace"), Retry(40, -1, "x", "y")):
        done = installed.deliver("stream_ledger", *batch, partition=partition, retry=retry)
        assert done.succeeded, done.error
    assert business_rows(rows, "o-again") == stored
    assert counts(rows, partition) == (*first[:4], 9)
    assert [letter[0] for letter in dead_letters(rows, partition)] == [2]


def test_a_batch_taken_in_a_retry_counts_like_any_other(
    installed: Installation, rows: psycopg.Connection[Any], partition: str
) -> None:
    batch = [Delivered(each, number) for number, each in enumerate(payment("o-retried"))]
    done = installed.deliver(
        "stream_ledger", *batch, partition=partition, retry=Retry(7, -1, "error", "trace")
    )
    assert done.succeeded, done.error
    assert counts(rows, partition) == (2, 0, 0, 0, 0)
    assert answer(installed, "o-retried-p")["pairing_status"] == "COMPLETE"


def business_rows(rows: psycopg.Connection[Any], order_id: str) -> list[tuple[Any, ...]]:
    """Everything stored of an order, its times of writing included."""
    entries = rows.execute(
        "SELECT e.*, xmin::text FROM ledger_entries e WHERE related_id = %s ORDER BY 1", [order_id]
    )
    pairs = rows.execute("SELECT * FROM pairs WHERE order_id = %s", [order_id])
    return [*entries.fetchall(), *pairs.fetchall()]


def test_a_large_batch_is_one_transaction(
    installed: Installation, rows: psycopg.Connection[Any], partition: str
) -> None:
    batch = [Delivered(entry(f"t-{partition}-{n}", "w-many", "CHARGE", ""), n) for n in range(1000)]
    done = installed.deliver("stream_ledger", *batch, partition=partition)
    assert done.succeeded, done.error
    query = """
        SELECT count(*), count(DISTINCT xmin::text), min(sequence_number), max(sequence_number)
        FROM ledger_entries WHERE wallet_id = 'w-many'
    """
    assert rows.execute(query).fetchone() == (1000, 1, 0, 999)
    positions = "SELECT received::text FROM stream_positions WHERE partition_id = %s"
    assert rows.execute(positions, [partition]).fetchone() == ("{[0,1000)}",)


def test_a_batch_without_events_is_nothing_to_do(
    installed: Installation, rows: psycopg.Connection[Any], partition: str
) -> None:
    done = installed.deliver("stream_ledger", partition=partition)
    assert done.succeeded, done.error
    assert counts(rows, partition) == ()


def test_a_stream_belongs_to_its_function_not_to_its_hub(
    installed: Installation, rows: psycopg.Connection[Any], partition: str
) -> None:
    """An order sent to the ledger hub is no ledger entry, and says so."""
    assert installed.deliver("stream_ledger", Delivered(order("o-lost"), 0), partition=partition).succeeded
    ((_number, code, field, *_),) = dead_letters(rows, partition)
    assert (code, field) == ("CONTRACT_FIELD_MISSING", "tx_id")
    query = "SELECT stream, hub FROM dead_letters WHERE partition_id = %s"
    assert rows.execute(query, [partition]).fetchone() == ("ledger", LEDGER_HUB)


def test_one_line_per_batch_is_told_and_no_id(installed: Installation, partition: str) -> None:
    before = installed.telemetry.read_text("utf-8").count("\n") if installed.telemetry.exists() else 0
    batch = [Delivered(each, number) for number, each in enumerate(payment("o-private"))]
    assert installed.deliver("stream_ledger", *batch, partition=partition).succeeded
    told = [json.loads(line) for line in installed.telemetry.read_text("utf-8").splitlines()[before:]]
    (line,) = [each for each in told if each.get("event") == "batch"]
    assert (line["stream"], line["partition"], line["received"], line["applied"]) == (
        "ledger",
        partition,
        2,
        2,
    )
    (size,) = [each for each in told if each.get("metric") == "batch_events"]
    assert (size["value"], size["stream"]) == (2, "ledger")
    assert "o-private" not in str(told) + installed.app.log_text
