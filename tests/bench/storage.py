"""How the tables are best stored: the ledger plain or in hash partitions, and how full its pages are written.

Measured once, to decide; `python -m tests.bench --only storage` does it again. A range of months is no candidate: a
unique key must hold the partition's column, and one transaction must stay one row whatever its time.
"""

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from shared.lookup.find_payment_order import find_payment_order
from shared.lookup.find_transaction import find_transaction
from shared.lookup.list_wallet_transactions import list_wallet_transactions
from shared.lookup.model import WalletFilter
from tests.bench.ingest import backend_pid, run_ours
from tests.bench.measure import pinned
from tests.bench.rows import fill, order_id, payment_id
from tests.bench.server import BenchServer
from tests.bench.workload import Fact, facts_of_order, published, workload
from tests.support.lookups import looking

BATCH = 1000
ROUNDS = 5
LOOKUPS = 1000
HASH_PARTITIONS = 16
FILLFACTORS = (100, 90, 80, 70)
STEPS = len(FILLFACTORS) + 2
TABLES = ("ledger_entries", "payment_orders", "pairs")
LATER_SHARE = 0.3
SHUFFLE_WINDOW = 2000
_PARTITIONED = (
    "CREATE TABLE ledger_hashed (LIKE ledger_entries INCLUDING ALL) PARTITION BY HASH (tx_id)",
    *(
        f"CREATE TABLE ledger_hashed_{n} PARTITION OF ledger_hashed"
        f" FOR VALUES WITH (MODULUS {HASH_PARTITIONS}, REMAINDER {n})"
        for n in range(HASH_PARTITIONS)
    ),
    "INSERT INTO ledger_hashed SELECT * FROM ledger_entries",
    "ALTER TABLE ledger_entries RENAME TO ledger_plain",
    "ALTER TABLE ledger_hashed RENAME TO ledger_entries",
    "GRANT SELECT, INSERT, UPDATE ON ledger_entries TO counterfoil_app",
    "VACUUM ANALYZE ledger_entries",
)
_PLAIN_AGAIN = ("DROP TABLE ledger_entries", "ALTER TABLE ledger_plain RENAME TO ledger_entries")
Row = dict[str, float | int | str]


@dataclass(frozen=True)
class Storage:
    """What was found, one row per way."""

    partitioning: list[Row]
    fillfactor: list[Row]


def measure_storage(server: BenchServer, rows: int, on_step: Callable[[], None], orders: int) -> Storage:
    """Both questions on one database; nothing is left of it."""
    factors = [_with_fillfactor(server, factor, orders, on_step) for factor in FILLFACTORS]
    _set_fillfactor(server, 100)
    fill(server, rows)
    blocks = count()
    plain = {"ledger_entries": "plain", **_rates(server, rows, orders, blocks)}
    on_step()
    for statement in _PARTITIONED:
        server.owner.execute(statement.encode())
    # A prepared statement may still be planned for the other table.
    server.runtime.database.dispose()
    hashed = {"ledger_entries": f"{HASH_PARTITIONS} hash partitions", **_rates(server, rows, orders, blocks)}
    for statement in _PLAIN_AGAIN:
        server.owner.execute(statement.encode())
    server.runtime.database.dispose()
    on_step()
    return Storage([plain, hashed], factors)


def _rates(server: BenchServer, rows: int, orders: int, blocks: "count[int]") -> Row:
    """Ingest of orders nobody has seen, and three look-ups, on the table as it stands."""
    run_ours(server, workload(10, first_order=900_000).batches(BATCH))
    chance = random.Random(5)
    numbers = [chance.randrange(1, max(2, rows // 2)) for _ in range(LOOKUPS)]
    with pinned(backend_pid(server)):
        rates = [_ingest_rate(server, orders, next(blocks)) for _ in range(ROUNDS)]
        runtime = server.runtime
        times = {
            "transaction, µs": _median(
                lambda n: find_transaction(runtime, looking(), payment_id(n)), numbers
            ),
            "order, µs": _median(
                lambda n: find_payment_order(runtime, looking(), order_id(n), limit=20), numbers
            ),
            "wallet page, µs": _median(lambda n: _wallet_page(server, n), numbers),
        }
    return {"rows": rows, "ingest, events/s": round(statistics.median(rates)), **times}


def _wallet_page(server: BenchServer, number: int) -> None:
    wallet = f"wal-{number % 200_000:08d}"
    list_wallet_transactions(server.runtime, looking(), wallet, WalletFilter(), limit=20)


def _ingest_rate(server: BenchServer, orders: int, block: int) -> float:
    server.forget_positions()
    load = workload(orders, first_order=block * orders)
    return len(load.events) / run_ours(server, load.batches(BATCH))


def _median(ask: Callable[[int], object], numbers: list[int]) -> float:
    times = []
    for number in numbers:
        started = time.perf_counter()
        ask(number)
        times.append(time.perf_counter() - started)
    return round(statistics.median(times) * 1e6, 1)


def _with_fillfactor(server: BenchServer, factor: int, orders: int, on_step: Callable[[], None]) -> Row:
    """The life of orders from empty tables, then new versions of some long after."""
    server.truncate()
    _set_fillfactor(server, factor)
    run_ours(server, workload(10, first_order=900_000).batches(BATCH))
    server.truncate()
    # Full page images would drown what the updates themselves write.
    server.owner.execute("CHECKPOINT")
    row: Row = {"fillfactor": factor}
    for name, facts in (("life", lives(orders)), ("later", later(orders))):
        server.forget_positions()
        before = _updates(server)
        load = published(facts)
        log = _log_position(server)
        with pinned(backend_pid(server)):
            row[f"{name}, events/s"] = round(len(load.events) / run_ours(server, load.batches(BATCH)))
        row[f"{name}, log bytes per event"] = round((_log_position(server) - log) / len(load.events))
        for table, (updates, hot) in _updates(server).items():
            updates, hot = updates - before[table][0], hot - before[table][1]
            row[f"{name}, {table} HOT %"] = round(100 * hot / updates) if updates else 0
    for table in TABLES:
        (size,) = server.owner.execute("SELECT pg_total_relation_size(%s::regclass)", [table]).fetchone() or (
            0,
        )
        row[f"{table}, MB"] = round(int(size) / 1e6, 1)
    on_step()
    return row


def _set_fillfactor(server: BenchServer, factor: int) -> None:
    for table in TABLES:
        server.owner.execute(f"ALTER TABLE {table} SET (fillfactor = {factor})".encode())


def _log_position(server: BenchServer) -> int:
    """Bytes of write-ahead log so far."""
    row = server.owner.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
    return int((row or (0,))[0])


def _updates(server: BenchServer) -> dict[str, tuple[int, int]]:
    """Updates and HOT updates per table. An idle session tells its counts only when it is asked to, or ends."""
    server.runtime.database.dispose()
    time.sleep(0.2)
    rows = server.owner.execute(
        "SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = ANY(%s)",
        [list(TABLES)],
    ).fetchall()
    return {name: (int(updates), int(hot)) for name, updates, hot in rows}


def lives(orders: int, seed: int = 3) -> list[Fact]:
    """Each order is created, paid on both sides, processed and settled; other orders' events stand between."""
    rng = random.Random(seed)
    placed: list[tuple[float, Fact]] = []
    for number in range(orders):
        (_, order), *legs = facts_of_order(number, random.Random(number))
        steps: list[Fact] = [("payment_order", _version(order, 1, "CREATED")), *legs]
        steps += [("payment_order", _version(order, n, s)) for n, s in ((2, "PROCESSING"), (3, "SETTLED"))]
        gaps = sorted(rng.random() * SHUFFLE_WINDOW for _ in steps)
        placed += [(number * len(steps) + gap, step) for gap, step in zip(gaps, steps, strict=True)]
    placed.sort(key=lambda pair: pair[0])
    return [fact for _, fact in placed]


def later(orders: int, seed: int = 3) -> list[Fact]:
    """New versions of some of these orders and entries, in no order, long after they were written."""
    rng = random.Random(seed)
    facts = [fact for number in range(orders) for fact in facts_of_order(number, random.Random(number))]
    chosen = [fact for fact in facts if rng.random() < LATER_SHARE]
    rng.shuffle(chosen)
    return [(s, _version(f, 9, "COMPLETED" if s == "payment_order" else None)) for s, f in chosen]


def _version(fact: dict[str, object], version: int, status: str | None) -> dict[str, object]:
    """Another revision of a fact: a later time, and a content that differs."""
    changed = {"status": status} if status else {"amount": "7.25", "amount_signed": "7.25"}
    return {**fact, **changed, "version": version, "updated_at": f"2026-11-23T12:00:0{version}.000Z"}
