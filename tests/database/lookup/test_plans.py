"""Plans on large tables: every look-up and every statement of a batch goes through its index, whatever the statistics.

Sixty thousand rows every day, a million in the campaign; analysed and never analysed; planned for the values at hand
and for any values. Much below that a table that was never analysed is small enough for another plan: the server then
sorts a whole wallet of a few hundred rows, which costs little.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg
import pytest

from shared.lookup.find_payment_order import find_payment_order
from shared.lookup.find_transaction import find_transaction
from shared.lookup.find_transactions import find_transactions
from shared.lookup.list_wallet_transactions import list_wallet_transactions
from shared.lookup.model import OrderFilter, PairFilter, Place, WalletFilter
from shared.lookup.store import list_by_wallet, list_orders, list_pairs
from shared.lookup.timeline.find_order_timeline import find_order_timeline
from shared.lookup.timeline.find_transaction_timeline import find_transaction_timeline
from shared.pairing.model import Anomaly
from shared.pairing.store import fetch_pair_summary, mark_overdue
from shared.runtime import Runtime
from shared.security.model import EVERYTHING
from shared.sync.ingest_events import ingest_events
from tests.bench.rows import BUSY_WALLET, fill, order_id, payment_id
from tests.bench.server import BenchServer
from tests.bench.workload import Workload, workload
from tests.support.callers import scope_of
from tests.support.lookups import looking
from tests.support.migrated import app_url, libpq, prepare_migrated
from tests.support.plans import BIG_TABLES, Plans, watched
from tests.support.postgres import SharedPostgres
from tests.support.runtime import runtime_for

PAGE = 20
SITES = ("KR-SEOUL", "JP-TOKYO", "EU-PARIS")
CORRECTIONS = "ix_correction_entries_target"
PLAN_MODES = ("auto", "force_generic_plan")


@dataclass
class Large:
    """A filled database, and a runtime for each way of planning that tells its plans."""

    rows: int
    analysed: bool
    owner: psycopg.Connection[tuple[object, ...]]
    watching: dict[str, tuple[Runtime, Plans]]
    orders_taken: int = 0

    def told(self, mode: str, work: Callable[[Runtime], object]) -> Plans:
        """The plans of this work alone."""
        runtime, plans = self.watching[mode]
        plans.clear()
        work(runtime)
        assert plans.told, "the server told no plan"
        return plans

    def new(self, orders: int) -> Workload:
        """Events of orders that nobody has seen here."""
        self.orders_taken += orders
        return workload(orders, first_order=self.orders_taken)

    def far_down(self) -> Place:
        """A place deep in the busy wallet."""
        (count,) = self._row("SELECT count(*) FROM ledger_entries WHERE wallet_id = %s", BUSY_WALLET)
        depth = int(str(count)) - 3 * PAGE
        query = "SELECT event_time, tx_id FROM ledger_entries WHERE wallet_id = %s ORDER BY event_time DESC, tx_id"
        return Place(*self._row(f"{query} OFFSET %s LIMIT 1", BUSY_WALLET, depth))  # type: ignore[arg-type]

    def order_far_down(self, wanted: OrderFilter) -> Place:
        """A place deep in the list of orders: behind all but three pages of it."""
        newest = (
            "SELECT created_at, order_id FROM payment_orders WHERE %s IN ('', merchant_id, merchant_name)"
        )
        depth = self.rows // 2 if wanted.merchant is None else self.rows // 1000
        query = f"{newest} ORDER BY created_at DESC, order_id OFFSET %s LIMIT 1"
        return Place(*self._row(query, wanted.merchant or "", max(0, depth - 4 * PAGE)))  # type: ignore[arg-type]

    def pair_far_down(self) -> tuple[datetime, str]:
        """A place deep among the incomplete pairs."""
        waiting = "SELECT incomplete_since, order_id FROM pairs WHERE state = 'INCOMPLETE'"
        since, name = self._row(f"{waiting} ORDER BY 1, 2 OFFSET %s LIMIT 1", self.rows // 100 - 3 * PAGE)
        assert isinstance(since, datetime)
        return since, str(name)

    def _row(self, query: str, *values: object) -> tuple[object, ...]:
        row = self.owner.execute(query.encode(), values).fetchone()
        assert row is not None
        return row


@pytest.fixture(
    scope="module",
    params=[
        (60_000, True),
        (60_000, False),
        pytest.param((1_000_000, True), marks=pytest.mark.long),
        pytest.param((1_000_000, False), marks=pytest.mark.long),
    ],
    ids=lambda given: f"{given[0]} rows, {'analysed' if given[1] else 'never analysed'}",
)
def large(request: pytest.FixtureRequest) -> Iterator[Large]:
    rows, analysed = request.param
    with ExitStack() as stack:
        database = stack.enter_context(
            SharedPostgres.of_session().create_database_from("migrated", prepare_migrated)
        )
        owner = stack.enter_context(psycopg.connect(libpq(database.url), autocommit=True))
        owner.execute("ALTER TABLE applied_records DISABLE TRIGGER USER")
        for table in (*BIG_TABLES[:-1], "applied_records_default"):
            # Nothing but this test decides whether there are statistics.
            owner.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)".encode())
        plain = runtime_for(app_url(database))
        fill(BenchServer(database.url, app_url(database), owner, plain, lambda: 0.0), rows, analyse=analysed)
        plain.database.dispose()
        (known,) = owner.execute(
            "SELECT bool_or(reltuples >= 0) FROM pg_class WHERE relname = 'pairs'"
        ).fetchone() or (0,)
        assert known is analysed
        watching = {mode: stack.enter_context(watched(database, mode)) for mode in PLAN_MODES}
        yield Large(rows, analysed, owner, watching)


@pytest.fixture(params=PLAN_MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_transaction_is_three_probes(large: Large, mode: str) -> None:
    plans = large.told(
        mode, lambda runtime: find_transaction(runtime, looking(), payment_id(large.rows // 4))
    )
    assert plans.indexes() == {"pk_ledger_entries", "pk_payment_orders", "pk_pairs", CORRECTIONS}
    assert (plans.read_whole(), plans.sorted_rows(), plans.scanned_rows()) == ([], 0, 3)


def test_an_order_reads_its_own_entries_only(large: Large, mode: str) -> None:
    number = large.rows // 4 + 1
    plans = large.told(
        mode, lambda runtime: find_payment_order(runtime, looking(), order_id(number), limit=PAGE)
    )
    assert plans.indexes() == {"ix_ledger_entries_related_id", "pk_payment_orders", "pk_pairs", CORRECTIONS}
    assert plans.read_whole() == []
    assert plans.sorted_rows() <= 2
    assert plans.scanned_rows() <= 8


def test_a_scope_costs_no_more(large: Large, mode: str) -> None:
    """The same probes for who sees some sites and not all."""
    scoped = looking(*SITES)
    plans = large.told(mode, lambda runtime: find_transaction(runtime, scoped, payment_id(large.rows // 4)))
    assert plans.indexes() == {"pk_ledger_entries", "pk_payment_orders", "pk_pairs", CORRECTIONS}
    assert (plans.read_whole(), plans.sorted_rows(), plans.scanned_rows()) == ([], 0, 3)


WALLET_INDEXES = {"ix_ledger_entries_wallet", "pk_payment_orders", "pk_pairs", CORRECTIONS}


def test_a_wallets_page_costs_the_same_at_any_depth(large: Large, mode: str) -> None:
    def first(runtime: Runtime) -> None:
        assert (
            len(list_wallet_transactions(runtime, looking(), BUSY_WALLET, WalletFilter(), limit=PAGE).items)
            == PAGE
        )

    place = large.far_down()

    def deep(runtime: Runtime) -> None:
        with runtime.database.statement() as connection:
            assert (
                len(
                    list_by_wallet(
                        connection, BUSY_WALLET, WalletFilter(), EVERYTHING, after=place, limit=PAGE + 1
                    )
                )
                == PAGE + 1
            )

    costs = []
    for work in (first, deep):
        plans = large.told(mode, work)
        assert plans.indexes() == WALLET_INDEXES
        assert (plans.read_whole(), plans.sorted_rows()) == ([], 0)
        assert plans.scanned_rows() <= 3 * (PAGE + 1) + 1
        costs.append(plans.buffers())
    assert costs[1] <= 1.3 * costs[0] + 8


def test_a_filtered_wallet_stays_on_its_index(large: Large, mode: str) -> None:
    place = large.far_down()
    since = place.event_time - timedelta(hours=6)
    wanted = WalletFilter(since=since, until=place.event_time, entry_type="PAYMENT", status_group="SUCCESS")

    def filtered(runtime: Runtime) -> None:
        with runtime.database.statement() as connection:
            list_by_wallet(connection, BUSY_WALLET, wanted, EVERYTHING, after=place, limit=PAGE)

    plans = large.told(mode, filtered)
    assert plans.indexes() == WALLET_INDEXES
    assert (plans.read_whole(), plans.sorted_rows()) == ([], 0)
    assert plans.scanned_rows() <= 3 * (PAGE + 1) + 1


def test_many_transactions_are_as_many_probes(large: Large, mode: str) -> None:
    ids = [payment_id(1 + number * (large.rows // 250)) for number in range(100)]
    plans = large.told(mode, lambda runtime: find_transactions(runtime, looking(), ids))
    assert plans.indexes() == {"pk_ledger_entries", "pk_payment_orders", "pk_pairs", CORRECTIONS}
    assert plans.read_whole() == []
    assert plans.scanned_rows() <= 3 * len(ids)


MERCHANT = "mer-00007"
ORDER_LISTS = [
    (OrderFilter(), {"ix_payment_orders_site"}),
    (OrderFilter(status_group="SUCCESS"), {"ix_payment_orders_site"}),
    (OrderFilter(status_group="FAIL"), {"ix_payment_orders_site"}),
    (OrderFilter(merchant=MERCHANT), {"ix_payment_orders_merchant_id", "ix_payment_orders_merchant_name"}),
    (
        OrderFilter(merchant="Merchant 7"),
        {"ix_payment_orders_merchant_id", "ix_payment_orders_merchant_name"},
    ),
]


@pytest.mark.parametrize(("wanted", "indexes"), ORDER_LISTS)
@pytest.mark.parametrize("sites", [(), SITES[:2]])
def test_a_list_of_orders_costs_the_same_at_any_depth(
    large: Large, mode: str, wanted: OrderFilter, indexes: set[str], sites: tuple[str, ...]
) -> None:
    """A page's worth of each site and group is the most that is read, for a status nobody has as for all of them."""
    scope = scope_of(*sites)
    costs = []
    for after in (None, large.order_far_down(wanted)):

        def listed(runtime: Runtime, after: Place | None = after) -> None:
            with runtime.database.statement() as connection:
                found = list_orders(connection, wanted, scope, scope, after=after, limit=PAGE + 1)
                assert len(found) == (0 if wanted.status_group == "FAIL" else PAGE + 1)

        plans = large.told(mode, listed)
        assert plans.indexes() - {"pk_pairs", CORRECTIONS, "pk_sites"} == indexes
        assert plans.read_whole() == []
        # Without statistics a merchant's few orders may be sorted.
        most = 3 * (PAGE + 1) if large.analysed or wanted.merchant is None else large.rows // 900
        assert plans.sorted_rows() <= most
        assert plans.scanned_rows() <= 2 * most
        costs.append(plans.buffers())
    assert costs[1] <= 1.3 * costs[0] + 30


@pytest.mark.parametrize("sites", [(), SITES])
def test_incomplete_pairs_are_read_by_age(large: Large, mode: str, sites: tuple[str, ...]) -> None:
    """Ties of one batch are sorted; without statistics all that wait are, which are few beside all pairs."""
    most = 4 * PAGE if large.analysed else large.rows // 100
    wanted = PairFilter(state="INCOMPLETE")
    costs = []
    for after in (None, large.pair_far_down()):

        def listed(runtime: Runtime, after: tuple[datetime, str] | None = after) -> None:
            with runtime.database.statement() as connection:
                now = runtime.clock.now()
                found = list_pairs(
                    connection, wanted, scope_of(*sites), until=now, after=after, limit=PAGE + 1
                )
                assert len(found) == PAGE + 1

        plans = large.told(mode, listed)
        assert plans.indexes() == {"ix_pairs_incomplete_since"}
        assert plans.read_whole() == []
        assert plans.sorted_rows() <= most
        assert plans.scanned_rows() <= most
        costs.append(plans.buffers())
    assert costs[1] <= 1.3 * costs[0] + 8 or not large.analysed


@pytest.mark.parametrize("anomaly", list(Anomaly))
@pytest.mark.parametrize("sites", [(), SITES])
def test_anomalies_come_from_their_partial_index(
    large: Large, mode: str, anomaly: Anomaly, sites: tuple[str, ...]
) -> None:
    def listed(runtime: Runtime) -> None:
        with runtime.database.statement() as connection:
            wanted = PairFilter(anomaly=anomaly.value)
            assert list_pairs(connection, wanted, scope_of(*sites), until=None, after=None, limit=PAGE) == []

    plans = large.told(mode, listed)
    assert plans.indexes() == {"ix_pairs_anomalies"}
    assert plans.read_whole() == []
    assert plans.scanned_rows() == 0


def test_a_timeline_is_a_few_probes(large: Large, mode: str) -> None:
    """Also among many dead letters and audit entries."""
    number = large.rows // 4 + 1
    for work in (
        lambda runtime: find_transaction_timeline(runtime, looking(), payment_id(number)),
        lambda runtime: find_order_timeline(runtime, looking(), order_id(number)),
    ):
        plans = large.told(mode, work)
        evidence = {each for each in plans.indexes() if each.startswith("applied_records")}
        assert evidence
        assert plans.read_whole() == []
        assert plans.scanned_rows() <= 20
        names = {"dead_letters", "audit_entries", "corrections"}
        whole = [n["Relation Name"] for n in plans.nodes() if n["Node Type"] == "Seq Scan"]
        assert names.isdisjoint(whole)


def test_a_batch_looks_only_at_its_own_rows(large: Large, mode: str) -> None:
    """New rows, the same again, and a batch of old and new ones."""
    load = large.new(300)
    more = workload(400, first_order=large.orders_taken)
    large.orders_taken += 400
    for each in (load, load, more):
        for call in each.batches(1000):
            count = sum(len(batch.events) for batch in call)
            plans = large.told(mode, lambda runtime, call=call: ingest_events(runtime, call))  # type: ignore[misc]
            assert plans.read_whole() == []
            assert plans.sorted_rows() <= 2 * count
            assert plans.scanned_rows() <= 4 * count


@pytest.mark.parametrize("size", [1, 20])
def test_a_small_batch_is_a_few_probes(large: Large, mode: str, size: int) -> None:
    for call in large.new(5).batches(size):
        count = sum(len(batch.events) for batch in call)
        plans = large.told(mode, lambda runtime, call=call: ingest_events(runtime, call))  # type: ignore[misc]
        assert plans.read_whole() == []
        assert plans.scanned_rows() <= 4 * count + 4


def test_what_the_timer_asks_comes_from_partial_indexes(large: Large, mode: str) -> None:
    incomplete = large.rows // 2 // 50 + 1000

    def summary(runtime: Runtime) -> None:
        with runtime.database.transaction() as connection:
            fetch_pair_summary(connection)

    plans = large.told(mode, summary)
    assert {"ix_pairs_incomplete_since", "ix_pairs_anomalies"} <= plans.indexes()
    assert plans.read_whole() == []
    assert plans.scanned_rows() <= 2 * incomplete

    def overdue(runtime: Runtime) -> None:
        with runtime.database.transaction() as connection:
            mark_overdue(connection, runtime.clock.now())
            connection.rollback()

    plans = large.told(mode, overdue)
    assert "ix_pairs_incomplete_since" in plans.indexes()
    assert plans.read_whole() == []
    assert plans.sorted_rows() <= incomplete


def test_a_whole_read_and_a_great_sort_would_be_found(large: Large, mode: str) -> None:
    def badly(runtime: Runtime) -> None:
        with runtime.database.statement() as connection:
            connection.exec_driver_sql(
                "SELECT * FROM ledger_entries WHERE amount = 1.5 ORDER BY amount_signed"
            )
            connection.exec_driver_sql("SELECT * FROM ledger_entries ORDER BY amount LIMIT 1")

    plans = large.told(mode, badly)
    assert plans.read_whole() == ["ledger_entries"]
    assert plans.sorted_rows() >= large.rows * 0.9
    assert plans.scanned_rows() >= large.rows * 1.8


def test_plans_are_made_as_the_test_says(large: Large, mode: str) -> None:
    runtime, _ = large.watching[mode]
    with runtime.database.statement() as connection:
        assert connection.exec_driver_sql("SHOW plan_cache_mode").scalar_one() == mode
