"""Look-ups at the data layer: one transaction with order and pair beside SELECT 1, and a wallet's page far down.

A look-up also writes its access record, and waits until that is on disk: what it costs is in the notes, and in the
figure through HTTP, whose reference commits a row too.
"""

import random
import time
from collections.abc import Callable
from datetime import datetime

import psycopg

from shared.lookup.answer import transaction_answer
from shared.lookup.find_transaction import find_transaction
from shared.lookup.model import Place, WalletFilter
from shared.lookup.store import fetch_transaction, list_by_wallet
from shared.security.model import EVERYTHING
from shared.spine.model import Context
from tests.bench.ingest import backend_pid
from tests.bench.measure import Figure, Measured, Plan, pinned, run_rounds
from tests.bench.rows import BUSY_WALLET, payment_id
from tests.bench.server import BenchServer
from tests.support.lookups import looking
from tests.support.migrated import libpq

FIGURE = Figure(
    "look-up, data layer", "p95 of one transaction with order and pair, ms", "p95 of SELECT 1", 5, 3, False
)
PAGE_FIGURE = Figure(
    "wallet page far down", "median of a keyset page, ms", "median of the first page", 2, 1.2, False
)
LOOKUPS = 2000
PAGES = 500
RECORDED = 500
PAGE = 20
DEPTH_MAX = 100_000


def measure_lookup(server: BenchServer, rows: int, plan: Plan, on_round: Callable[[], None]) -> Measured:
    """The 95th percentile of the read and its answer over that of the smallest question there is."""
    chance = random.Random(11)
    session = psycopg.connect(libpq(server.app_url), autocommit=True)
    context = looking()

    def one_round(_attempt: int) -> tuple[float, float]:
        ours: list[float] = []
        smallest: list[float] = []
        for _ in range(LOOKUPS):
            tx_id = payment_id(chance.randrange(1, max(2, rows // 2)))
            started = time.perf_counter()
            _read(server, context, tx_id)
            middle = time.perf_counter()
            session.execute("SELECT 1", prepare=True).fetchone()
            ended = time.perf_counter()
            ours.append(middle - started)
            smallest.append(ended - middle)
        return percentile(ours, 95) * 1000, percentile(smallest, 95) * 1000

    with pinned(backend_pid(server), session.info.backend_pid) as core:
        measured = Measured(FIGURE, "ms", notes={"rows": rows, "lookups": LOOKUPS, "core": core})
        run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)
        measured.notes["p95 with its access record, ms"] = _recorded(server, context, rows)
    session.close()
    return measured


def _read(server: BenchServer, context: Context, tx_id: str) -> None:
    """What the use case does between the record's beginning and its end."""
    with server.runtime.database.statement() as connection:
        found = fetch_transaction(connection, tx_id, context.scope)
    assert found is not None, "the row is there"
    transaction_answer(found, server.runtime.clock.now(), context.caller.sees)


def _recorded(server: BenchServer, context: Context, rows: int) -> float:
    """The whole use case."""
    seconds = []
    for number in range(1, RECORDED + 1):
        started = time.perf_counter()
        find_transaction(server.runtime, context, payment_id(number % max(2, rows // 2) or 1))
        seconds.append(time.perf_counter() - started)
    return round(percentile(seconds, 95) * 1000, 3)


def measure_wallet_page(server: BenchServer, rows: int, plan: Plan, on_round: Callable[[], None]) -> Measured:
    """Pages of the busy wallet: the first, and one a hundred thousand rows down or as far as there are."""
    place, depth = _far_down(server)

    def one_page(after: Place | None) -> float:
        started = time.perf_counter()
        with server.runtime.database.statement() as connection:
            found = list_by_wallet(
                connection, BUSY_WALLET, WalletFilter(), EVERYTHING, after=after, limit=PAGE
            )
        seconds = time.perf_counter() - started
        assert len(found) == PAGE, "the page is not full"
        return seconds

    def one_round(_attempt: int) -> tuple[float, float]:
        far, near = zip(*[(one_page(place), one_page(None)) for _ in range(PAGES)], strict=True)
        return percentile(list(far), 50) * 1000, percentile(list(near), 50) * 1000

    with pinned(backend_pid(server)) as core:
        measured = Measured(PAGE_FIGURE, "ms", notes={"rows": rows, "depth": depth, "core": core})
        return run_rounds(measured, plan, one_round, server.own_cpu_seconds, on_round)


def _far_down(server: BenchServer) -> tuple[Place, int]:
    """The place of the row so far down the wallet, with two pages at least behind it."""
    owner = server.owner
    (count,) = owner.execute(
        "SELECT count(*) FROM ledger_entries WHERE wallet_id = %s", [BUSY_WALLET]
    ).fetchone() or (0,)
    depth = min(DEPTH_MAX, int(count) - 2 * PAGE)
    row: tuple[datetime, str] | None = owner.execute(
        "SELECT event_time, tx_id FROM ledger_entries WHERE wallet_id = %s ORDER BY event_time DESC, tx_id"
        " OFFSET %s LIMIT 1",
        [BUSY_WALLET, depth],
    ).fetchone()
    assert row is not None, "the busy wallet has too few rows"
    return Place(*row), depth


def percentile(values: list[float], percent: int) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]
