"""Look-ups after a real ingest: they agree with each other and with what the events say."""

import time
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from shared.lookup.answer import TransactionLine
from shared.lookup.errors import OrderNotFound, TransactionNotFound
from shared.lookup.find_payment_order import find_payment_order
from shared.lookup.find_transaction import find_transaction
from shared.lookup.list_wallet_transactions import list_wallet_transactions
from shared.lookup.model import WalletFilter
from shared.runtime import Runtime
from tests.support.lookups import looking
from tests.support.oracle import LEDGER, ORDERS, Oracle, folded
from tests.support.runtime import NOON, StandingClock
from tests.support.sync_events import ABSENT, entry, ingest, order
from tests.support.worlds import World

Owner = psycopg.Connection[Any]


def told(runtime: Runtime, seed: int) -> Oracle:
    world = World(seed, events=200, orders=10)
    for events in world.partitions.values():
        ingest(runtime, *events)
    return folded(world.events)


def wallet(runtime: Runtime, wallet_id: str, limit: int = 100, **wanted: Any) -> list[TransactionLine]:
    """All pages of a wallet."""
    found: list[TransactionLine] = []
    cursor: str | None = None
    while True:
        page = list_wallet_transactions(
            runtime, looking(), wallet_id, WalletFilter(**wanted), limit=limit, cursor=cursor
        )
        assert len(page.items) <= limit
        found += page.items
        cursor = page.next
        if cursor is None:
            return found


def entries_of(runtime: Runtime, order_id: str, limit: int = 3) -> list[TransactionLine]:
    """All pages of an order's entries."""
    found: list[TransactionLine] = []
    cursor: str | None = None
    while True:
        answer = find_payment_order(runtime, looking(), order_id, limit=limit, cursor=cursor)
        found += answer.entries.items
        cursor = answer.entries.next
        if cursor is None:
            return found


def line_of(runtime: Runtime, tx_id: str) -> dict[str, Any]:
    answer = asdict(find_transaction(runtime, looking(), tx_id))
    del answer["order"], answer["as_of"]
    return answer


@pytest.mark.parametrize("seed", [31, 32])
def test_every_route_says_the_same_of_every_transaction(runtime: Runtime, seed: int) -> None:
    oracle = told(runtime, seed)
    entries = oracle.rows(LEDGER)
    lines = {tx_id: line_of(runtime, tx_id) for tx_id in entries}
    by_wallet = [line for w in ("w-P", "w-R") for line in wallet(runtime, w, limit=7)]
    assert {line.tx_id: asdict(line) for line in by_wallet} == lines
    assert len(by_wallet) == len(lines)
    for order_id, pair in oracle.pairs().items():
        answer = find_payment_order(runtime, looking(), order_id, limit=100)
        assert answer.pairing_status == pair["state"]
        assert (answer.order is None) == (order_id not in oracle.rows(ORDERS))
        for line in entries_of(runtime, order_id):
            assert asdict(line) == lines[line.tx_id]
            assert line.related is not None
            assert line.related.related_id == order_id


@pytest.mark.parametrize("seed", [33])
def test_a_transaction_shows_its_pair_as_the_events_make_it(runtime: Runtime, seed: int) -> None:
    oracle = told(runtime, seed)
    pairs = oracle.pairs()
    opposite = {"PAYMENT": "receive_tx_id", "RECEIVE": "payment_tx_id"}
    for tx_id, row in oracle.rows(LEDGER).items():
        line = line_of(runtime, tx_id)
        follows = row["related_id"] is not None and row["related_type"] in (None, "PAYMENT_ORDER")
        if follows and row["entry_type"] in opposite:
            pair = pairs[row["related_id"]]
            assert (line["pairing_status"], line["paired_tx_id"]) == (
                pair["state"],
                pair[opposite[row["entry_type"]]],
            )
            assert set(line["anomalies"]) == pair["anomalies"]
        else:
            assert (line["pairing_status"], line["paired_tx_id"]) == ("UNKNOWN", None)


def test_250_transactions_of_one_instant_are_all_reached_once(runtime: Runtime) -> None:
    ingest(runtime, *(entry(n, f"t-{n:03}", related_id="o-1") for n in range(250)))
    for limit in (1, 7, 100):
        found = [line.tx_id for line in wallet(runtime, "w-1", limit=limit)]
        assert found == [f"t-{n:03}" for n in range(250)]
    assert [line.tx_id for line in entries_of(runtime, "o-1", limit=99)] == [f"t-{n:03}" for n in range(250)]


def test_pages_are_newest_first_and_ids_bytewise(runtime: Runtime) -> None:
    early, late = "2026-11-23T11:00:00Z", "2026-11-23T11:00:00.000001Z"
    names = [("b", early), ("B", early), ("é", early), ("a", late), ("z", late)]
    ingest(runtime, *(entry(n, name, event_time=time) for n, (name, time) in enumerate(names)))
    assert [line.tx_id for line in wallet(runtime, "w-1", limit=2)] == ["a", "z", "B", "b", "é"]


def test_a_page_is_not_moved_by_what_arrives_meanwhile(runtime: Runtime) -> None:
    ingest(runtime, *(entry(n, f"t-{n}", event_time=f"2026-11-23T11:00:0{n}Z") for n in range(5)))
    first = list_wallet_transactions(runtime, looking(), "w-1", WalletFilter(), limit=2)
    ingest(runtime, entry(9, "t-9", event_time="2026-11-23T11:30:00Z"))
    second = list_wallet_transactions(runtime, looking(), "w-1", WalletFilter(), limit=2, cursor=first.next)
    assert [line.tx_id for line in (*first.items, *second.items)] == ["t-4", "t-3", "t-2", "t-1"]


def test_filters(runtime: Runtime) -> None:
    ingest(
        runtime,
        entry(1, "p-1", event_time="2026-11-23T10:00:00Z"),
        entry(2, "r-1", entry_type="RECEIVE", related_id="o-2", event_time="2026-11-23T11:00:00Z"),
        entry(3, "p-3", related_id=ABSENT, event_time="2026-11-23T12:00:00Z"),
        entry(4, "x-4", wallet_id="w-2"),
        order(1, "o-1", status="SETTLED"),
        order(2, "o-2", status="FAILED"),
    )
    hour = timedelta(hours=1)
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({}, ["p-3", "r-1", "p-1"]),
        ({"entry_type": "PAYMENT"}, ["p-3", "p-1"]),
        ({"status_group": "FAIL"}, ["r-1"]),
        ({"since": NOON - hour, "until": NOON}, ["p-3", "r-1"]),
        ({"since": NOON - 2 * hour, "until": NOON - 2 * hour}, ["p-1"]),
        ({"status_group": "SUCCESS", "entry_type": "RECEIVE"}, []),
    ]
    for wanted, found in cases:
        assert [line.tx_id for line in wallet(runtime, "w-1", limit=1, **wanted)] == found


def test_delays_come_from_the_ingest(runtime: Runtime) -> None:
    clock = runtime.clock
    assert isinstance(clock, StandingClock)
    clock.move(seconds=30)
    ingest(runtime, entry(4, version=1))
    clock.move(seconds=30)
    ingest(runtime, entry(5, version=2, amount="11"))
    answer = find_transaction(runtime, looking(), "t-1")
    # First ingested an hour and half a minute after it happened; this version 55 s after it was enqueued.
    assert (answer.data_lag_sec, answer.apply_delay_sec) == (3630, 55)


def test_what_never_came_is_not_found(runtime: Runtime) -> None:
    ingest(runtime, entry(1, related_id="o-1", version=1))
    ingest(runtime, entry(2, related_id="o-2", version=2))
    with pytest.raises(TransactionNotFound):
        find_transaction(runtime, looking(), "t-0")
    # Only a re-pointed entry once named it: its pair row stands, but nobody knows the order.
    with pytest.raises(OrderNotFound):
        find_payment_order(runtime, looking(), "o-1", limit=10)


def test_deep_pages_read_the_index(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, *(entry(n, f"t-{n:04}", wallet_id=f"w-{n % 20}") for n in range(4_000)))
    owner.execute("ANALYZE ledger_entries")
    before = scans(owner)
    wallet(runtime, "w-7", limit=50)
    # A session tells what it did when it ends, and its end takes a moment.
    runtime.database.dispose()
    deadline = time.monotonic() + 30
    while scans(owner)["ix_ledger_entries_wallet"] - before["ix_ledger_entries_wallet"] < 4:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert scans(owner)["seq"] == before["seq"]


def scans(owner: Owner) -> dict[str, int]:
    """How often the ledger was read whole, and through which index."""
    owner.execute("SELECT pg_stat_clear_snapshot()")
    indexes = owner.execute(
        "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE relname = 'ledger_entries'"
    ).fetchall()
    whole = owner.execute(
        "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'ledger_entries'"
    ).fetchone()
    assert whole is not None
    return {**dict(indexes), "seq": int(whole[0])}
