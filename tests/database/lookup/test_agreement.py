"""Answers of one moment never disagree: alone, in bulk, in lists, beside an order and in a timeline, for any grants."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from shared.lookup.answer import OrderAnswer, PairAnswer, TransactionAnswer, TransactionLine
from shared.lookup.errors import OrderNotFound, TransactionNotFound
from shared.lookup.find_payment_order import PaymentOrderAnswer, find_payment_order
from shared.lookup.find_transaction import find_transaction
from shared.lookup.find_transactions import find_transactions
from shared.lookup.model import STATUS_GROUPS, OrderFilter, PairFilter
from shared.lookup.timeline.answer import TimelineLine
from shared.lookup.timeline.find_order_timeline import find_order_timeline
from shared.lookup.timeline.find_transaction_timeline import find_transaction_timeline
from shared.runtime import Runtime
from shared.security.model import Permission
from shared.spine.model import Context
from tests.support import lookup_worlds, worlds
from tests.support.approvals import applied, correction
from tests.support.callers import caller_with, context_of, holding
from tests.support.lookup_worlds import (
    ENTRIES,
    GRANTS,
    ORDER_SITES,
    ORDERS,
    PAIR_FILTERS,
    WALLETS,
    pages_of_order,
    pages_of_orders,
    pages_of_pairs,
    pages_of_wallet,
)
from tests.support.lookups import looking
from tests.support.sync_events import ingest


class Told:
    """What a caller is told of each transaction and order alone; the lists are held against it."""

    def __init__(
        self, runtime: Runtime, context: Context, tx_ids: Iterable[str], order_ids: Iterable[str]
    ) -> None:
        self.runtime, self.context = runtime, context
        self.tx_ids, self.order_ids = list(tx_ids), list(order_ids)
        self.transactions: dict[str, TransactionAnswer] = {}
        self.orders: dict[str, PaymentOrderAnswer] = {}
        self.entries: dict[str, list[TransactionLine]] = {}
        for tx_id in self.tx_ids:
            try:
                self.transactions[tx_id] = find_transaction(runtime, context, tx_id)
            except TransactionNotFound:
                continue
        for order_id in self.order_ids:
            try:
                self.orders[order_id] = find_payment_order(runtime, context, order_id, limit=1)
            except OrderNotFound:
                continue
            pages = pages_of_order(runtime, context, order_id)
            self.entries[order_id] = [line for page in pages for line in page.entries.items]

    def line(self, tx_id: str) -> dict[str, Any]:
        """A transaction as lists show it."""
        shown = asdict(self.transactions[tx_id])
        del shown["order"], shown["as_of"]
        return shown

    def pairs(self) -> dict[str, PairAnswer]:
        """The pairs a list may show: those of a site that is seen."""
        everything = self.context.scope.everything
        return {
            order_id: each.pair
            for order_id, each in self.orders.items()
            if each.pair is not None and (everything or each.pair.site is not None)
        }


def check_transactions(told: Told) -> None:
    many = find_transactions(told.runtime, told.context, told.tx_ids)
    assert many.items == list(told.transactions.values())
    assert many.unknown == [each for each in told.tx_ids if each not in told.transactions]
    for tx_id, each in told.transactions.items():
        if each.order is not None:
            assert told.orders[each.order.order_id].order == each.order, tx_id


def check_entries(told: Told, wallets: Iterable[str]) -> None:
    for lines in told.entries.values():
        assert [asdict(line) for line in lines] == [told.line(line.tx_id) for line in lines]
    for wallet in wallets:
        pages = pages_of_wallet(told.runtime, told.context, wallet, None)
        lines = [line for page in pages for line in page.items]
        assert {line.tx_id for line in lines} == {
            tx_id for tx_id, each in told.transactions.items() if each.wallet_id == wallet
        }
        assert [asdict(line) for line in lines] == [told.line(line.tx_id) for line in lines]


def check_order_list(told: Told) -> None:
    shown: dict[str, OrderAnswer] = {n: each.order for n, each in told.orders.items() if each.order}
    for group in (None, *STATUS_GROUPS):
        pages = pages_of_orders(told.runtime, told.context, OrderFilter(status_group=group), limit=3)
        lines = [line for page in pages for line in page.items if line.order_id in told.order_ids]
        expected = [n for n, each in shown.items() if group in (None, each.status_group)]
        assert [line.order_id for line in lines] == sorted(
            sorted(expected), key=lambda n: shown[n].created_at, reverse=True
        )
        for line in lines:
            as_order = asdict(line)
            assert as_order.pop("pairing_status") == told.orders[line.order_id].pairing_status
            assert as_order == asdict(shown[line.order_id])


def check_pair_lists(told: Told) -> None:
    shown = told.pairs()
    for wanted in PAIR_FILTERS:
        pages = pages_of_pairs(told.runtime, told.context, wanted, limit=3)
        lines = [line for page in pages for line in page.items if line.order_id in told.order_ids]
        expected = {n for n, each in shown.items() if is_wanted(each, wanted)}
        assert [line.order_id for line in lines] == sorted(
            expected, key=lambda n: (shown[n].incomplete_since if wanted.is_by_age else "", n)
        )
        for line in lines:
            as_pair = asdict(line)
            order = told.orders[as_pair.pop("order_id")].order
            status = (as_pair.pop("status"), as_pair.pop("status_group"))
            assert status == ((order.status, order.status_group) if order else (None, None))
            assert as_pair == asdict(shown[line.order_id])


def is_wanted(pair: PairAnswer, wanted: PairFilter) -> bool:
    if wanted.anomaly is not None and wanted.anomaly not in pair.anomalies:
        return False
    return wanted.state is None or (pair.state == wanted.state and pair.incomplete_since is not None)


def check_timelines(told: Told) -> None:
    for tx_id in told.tx_ids:
        if tx_id not in told.transactions:
            with pytest.raises(TransactionNotFound):
                find_transaction_timeline(told.runtime, told.context, tx_id)
            continue
        alone = told.transactions[tx_id]
        past = find_transaction_timeline(told.runtime, told.context, tx_id)
        assert past.is_complete
        assert past.order_id == (alone.order.order_id if alone.order else None)
        assert versions(past.items, tx_id)
        assert corrections(past.items, tx_id) == [each.correction_id for each in alone.corrections]
        if alone.order:
            assert versions(past.items, alone.order.order_id)[-1].status == alone.status
        in_order(past.items)
    for order_id in told.order_ids:
        check_order_timeline(told, order_id)


def check_order_timeline(told: Told, order_id: str) -> None:
    if order_id not in told.orders:
        with pytest.raises(OrderNotFound):
            find_order_timeline(told.runtime, told.context, order_id)
        return
    alone = told.orders[order_id]
    past = find_order_timeline(told.runtime, told.context, order_id)
    in_order(past.items)
    assert past.tx_ids == [line.tx_id for line in told.entries[order_id]]
    statuses = [each.status for each in versions(past.items, order_id)]
    assert statuses[-1:] == ([alone.order.status] if alone.order else [])
    for tx_id in past.tx_ids:
        own = find_transaction_timeline(told.runtime, told.context, tx_id)
        assert versions(past.items, tx_id) == versions(own.items, tx_id)
    met = {each.kind: each.at for each in past.items if each.target_type == "PAIR"}
    pair = alone.pair
    stored = {
        "PAIR_INCOMPLETE": pair.incomplete_since if pair else None,
        "PAIR_OVERDUE": pair.overdue_at if pair else None,
        "PAIR_COMPLETE": pair.completed_at if pair else None,
    }
    assert met == {kind: at for kind, at in stored.items() if at}
    if alone.order:
        assert corrections(past.items, order_id) == [e.correction_id for e in alone.order.corrections]


def versions(items: list[TimelineLine], target_id: str) -> list[TimelineLine]:
    return [each for each in items if each.kind == "VERSION_APPLIED" and each.target_id == target_id]


def corrections(items: list[TimelineLine], target_id: str) -> list[str]:
    return [
        each.correction.correction_id
        for each in items
        if each.kind == "CORRECTION_APPLIED" and each.target_id == target_id and each.correction
    ]


def in_order(items: list[TimelineLine]) -> None:
    assert [each.at for each in items] == sorted(each.at for each in items)


def check_all(told: Told, wallets: Iterable[str]) -> None:
    check_transactions(told)
    check_entries(told, wallets)
    check_order_list(told)
    check_pair_lists(told)
    check_timelines(told)


NUMBERS = iter(range(10, 10_000))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=ENTRIES, orders=ORDER_SITES, grants=GRANTS)
def test_no_route_disagrees_whatever_the_caller_holds(
    runtime: Runtime,
    entries: list[tuple[str, ...]],
    orders: list[str | None],
    grants: list[tuple[str, set[str]]],
) -> None:
    world = lookup_worlds.World(runtime, next(NUMBERS), entries, orders)
    held = tuple(holding(role, *sorted(sites)) for role, sites in grants if sites)
    context = context_of(caller_with("viewer", holdings=held), Permission.LOOKUP_READ)
    if not context.scope:
        return
    told = Told(runtime, context, [n for n in world.site_of if n.startswith("t")], map(world.name, ORDERS))
    check_all(told, map(world.name, WALLETS))


@pytest.mark.parametrize("seed", [41, 42])
def test_no_route_disagrees_on_histories_with_ties_and_re_pointed_entries(
    runtime: Runtime, seed: int
) -> None:
    world = worlds.World(seed, events=150, orders=6)
    for events in world.partitions.values():
        ingest(runtime, *events)
    tx_ids = sorted({str(each.body["tx_id"]) for each in world.events if each.stream == "ledger"})  # type: ignore[call-overload]
    some = next(tx_id for tx_id in tx_ids if find_transaction(runtime, looking(), tx_id))
    applied(runtime, correction(some, "ANNOTATE"))
    for sites in ((), ("KR-SEOUL",), ("JP-TOKYO", "EU-PARIS")):
        told = Told(runtime, looking(*sites), tx_ids, [f"o-{n}" for n in range(6)])
        assert told.transactions
        check_all(told, ("w-P", "w-R"))


def test_a_disagreement_is_found(runtime: Runtime) -> None:
    """Each check fails for an answer that was told otherwise alone."""
    entries = [("PAYMENT", "KR-SEOUL", "o-1", "w-1")]
    world = lookup_worlds.World(runtime, next(NUMBERS), entries, ["KR-SEOUL", None, None, None])
    (tx_id,) = [name for name in world.site_of if name.startswith("t")]
    order_id = world.name("o-1")

    def told() -> Told:
        return Told(runtime, looking(), [tx_id], [order_id])

    check_all(told(), [world.name("w-1")])
    for check in (check_transactions, lambda each: check_entries(each, [world.name("w-1")])):
        wrong = told()
        wrong.transactions[tx_id] = replace(wrong.transactions[tx_id], amount="0")
        with pytest.raises(AssertionError):
            check(wrong)
    wrong = told()
    wrong.orders[order_id] = replace(wrong.orders[order_id], pairing_status="COMPLETE")
    with pytest.raises(AssertionError):
        check_order_list(wrong)
    pair = told().orders[order_id].pair
    assert pair is not None
    for check, changes in (
        (check_pair_lists, {"state": "COMPLETE"}),
        (check_timelines, {"incomplete_since": None}),
    ):
        wrong = told()
        wrong.orders[order_id] = replace(wrong.orders[order_id], pair=replace(pair, **changes))
        with pytest.raises(AssertionError):
            check(wrong)
