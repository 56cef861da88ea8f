"""Look-up, data layer: one transaction with order and pair, beside SELECT 1 on the same server in the same loop."""

import random
import time
from collections.abc import Callable

import psycopg

from shared.lookup.find_transaction import find_transaction
from tests.bench.ingest import backend_pid
from tests.bench.measure import Figure, Measured, Plan, pinned, run_rounds
from tests.bench.server import BenchServer
from tests.support.migrated import libpq

FIGURE = Figure(
    "look-up, data layer", "p95 of one transaction with order and pair, ms", "p95 of SELECT 1", 5, 3, False
)
LOOKUPS = 2000
_SHAPE = "to_char(n, 'FM000000000')"
_SERIES = (
    "SELECT n, timestamptz '2026-11-01' + n * interval '20 ms' AS at FROM generate_series(1, %(orders)s) AS n"
)
_FILL = (
    f"""
    INSERT INTO payment_orders (order_id, amount, currency, status, status_group, created_at, user_id, merchant_name,
        merchant_id, site_id, updated_at, version, content_digest, first_ingested_at, ingested_at)
    SELECT 'ord-' || {_SHAPE}, 100 + n % 9000, 'USD', 'SETTLED', 'SUCCESS', at, 'usr-' || n % 50000,
        'Merchant ' || n % 500, 'mer-' || n % 500, 'KR-SEOUL', at, 3, sha256('x'), at, at
    FROM ({_SERIES}) AS t
    """,
    f"""
    INSERT INTO ledger_entries (tx_id, wallet_id, entry_type, amount, amount_signed, currency, related_id, related_type,
        event_time, created_at, site_id, updated_at, version, content_digest, first_ingested_at, ingested_at)
    SELECT 'tx-' || {_SHAPE} || left(side, 1), 'wal-' || (n * 7 + length(side)) % 200000, side, 100 + n % 9000,
        CASE side WHEN 'PAYMENT' THEN -1 ELSE 1 END * (100 + n % 9000), 'USD', 'ord-' || {_SHAPE}, 'PAYMENT_ORDER',
        at, at, 'KR-SEOUL', at, 2, sha256('x'), at, at
    FROM ({_SERIES}) AS t,
         unnest(ARRAY['PAYMENT', 'RECEIVE']) AS side
    """,
    f"""
    INSERT INTO pairs (order_id, state, payment_tx_id, receive_tx_id, sender_wallet_id, receiver_wallet_id, amount,
        currency, order_status, order_status_group, site_id, payment_event_time, receive_event_time, completed_at)
    SELECT 'ord-' || {_SHAPE}, 'COMPLETE', 'tx-' || {_SHAPE} || 'P', 'tx-' || {_SHAPE} || 'R',
        'wal-' || (n * 7 + 7) % 200000, 'wal-' || (n * 7 + 7) % 200000, 100 + n % 9000, 'USD', 'SETTLED', 'SUCCESS',
        'KR-SEOUL', at, at, at
    FROM ({_SERIES}) AS t
    """,
)


def fill(server: BenchServer, rows: int) -> None:
    """So many ledger rows, with their orders and pairs, written straight into the tables."""
    server.truncate()
    for statement in _FILL:
        server.owner.execute(statement.replace("%(orders)s", str(rows // 2)))
    server.owner.execute("VACUUM ANALYZE ledger_entries, payment_orders, pairs")


def measure_lookup(server: BenchServer, rows: int, plan: Plan, on_round: Callable[[], None]) -> Measured:
    """The 95th percentile of the use case over that of the smallest question there is."""
    fill(server, rows)
    chance = random.Random(11)
    session = psycopg.connect(libpq(server.app_url), autocommit=True)

    def one_round(_attempt: int) -> tuple[float, float]:
        ours: list[float] = []
        smallest: list[float] = []
        for _ in range(LOOKUPS):
            tx_id = f"tx-{chance.randrange(1, rows // 2):09d}P"
            started = time.perf_counter()
            find_transaction(server.runtime, tx_id)
            middle = time.perf_counter()
            session.execute("SELECT 1", prepare=True).fetchone()
            ended = time.perf_counter()
            ours.append(middle - started)
            smallest.append(ended - middle)
        return percentile(ours, 95) * 1000, percentile(smallest, 95) * 1000

    with pinned(backend_pid(server), session.info.backend_pid) as core:
        measured = Measured(FIGURE, "ms", notes={"rows": rows, "lookups": LOOKUPS, "core": core})
        run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)
    session.close()
    return measured


def percentile(values: list[float], percent: int) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]
