"""Worlds of random sites for look-ups, and every look-up of all that is in one of them."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from hypothesis import strategies as st

from shared.errors.base import CounterfoilError
from shared.lookup.find_payment_order import find_payment_order
from shared.lookup.find_transaction import find_transaction
from shared.lookup.find_transactions import find_transactions
from shared.lookup.list_pairs import list_pairs
from shared.lookup.list_payment_orders import list_payment_orders
from shared.lookup.list_wallet_transactions import list_wallet_transactions
from shared.lookup.model import STATUS_GROUPS, OrderFilter, PairFilter, WalletFilter
from shared.lookup.timeline.find_order_timeline import find_order_timeline
from shared.lookup.timeline.find_transaction_timeline import find_transaction_timeline
from shared.pairing.model import Anomaly
from shared.runtime import Runtime
from shared.spine.model import Context
from tests.support.sync_events import entry, ingest, order

SITES = ("KR-SEOUL", "JP-TOKYO", "EU-PARIS")
ORDERS = ("o-1", "o-2", "o-3", "o-4")
WALLETS = ("w-1", "w-2")
ROWS = 18
STATES = {"OPEN", "INCOMPLETE", "COMPLETE", "UNKNOWN"}

# One ledger entry: its side, site, order and wallet; one order: its site, or none.
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["PAYMENT", "RECEIVE", "FEE"]), st.sampled_from(SITES), st.sampled_from(ORDERS),
        st.sampled_from(WALLETS),
    ),
    min_size=4, max_size=ROWS,
)  # fmt: skip
ORDER_SITES = st.lists(st.sampled_from([*SITES, None]), min_size=len(ORDERS), max_size=len(ORDERS))
GRANTS = st.lists(
    st.tuples(
        st.sampled_from(["viewer", "operator", "auditor", "service"]), st.sets(st.sampled_from(SITES), max_size=3)
    ),
    max_size=3,
)  # fmt: skip


class World:
    """Rows whose every value names the site it belongs to, so that nothing of another can go unseen."""

    def __init__(
        self, runtime: Runtime, number: int, entries: Sequence[tuple[str, ...]], orders: Sequence[Any]
    ) -> None:
        self.number = number
        self.site_of: dict[str, str] = {}
        sent = []
        for at, (side, site, order_id, wallet) in enumerate(entries):
            tx_id = f"t{number}.{at}"
            self.site_of[tx_id] = site
            sent.append(
                entry(
                    number * 100 + at, tx_id, entry_type=side, site_id=site, related_id=self.name(order_id),
                    wallet_id=self.name(wallet), amount=self.amount(at), event_time=f"2026-11-23T10:00:{at:02}Z",
                )
            )  # fmt: skip
        for at, site in enumerate(orders):
            if site is not None:
                order_id = self.name(ORDERS[at])
                self.site_of[order_id] = site
                sent.append(
                    order(
                        number * 100 + 50 + at, order_id, site_id=site, amount=self.amount(40 + at), status="SETTLED",
                        merchant_name=f"shop {number}.{at}", user_id=f"user{number}.{at}",
                        merchant_id=f"m{number}.{at}",
                    )
                )  # fmt: skip
        self.amounts = {self.amount(at): site for at, (_, site, *_) in enumerate(entries)} | {
            self.amount(40 + at): site for at, site in enumerate(orders) if site is not None
        }
        self.persons = {
            f"{word}{number}.{at}": site
            for at, site in enumerate(orders)
            if site is not None
            for word in ("shop ", "user", "m")
        }
        ingest(runtime, *sent)

    def name(self, name: str) -> str:
        return f"{name}-{self.number}"

    def amount(self, at: int) -> str:
        return f"{1000 + at}.{self.number:04}7"

    def foreign(self, seen: set[str]) -> set[str]:
        """Every value that belongs to a row outside these sites. Ids of orders are names everybody may ask for."""
        hidden = {name for name, site in self.site_of.items() if site not in seen and name.startswith("t")}
        hidden |= {value for value, site in self.amounts.items() if site not in seen}
        return hidden | {value for value, site in self.persons.items() if site not in seen}


def words(answer: object) -> list[str]:
    """Every text in an answer, cursors opened."""
    found: list[str] = []
    inside: list[Any] = [msgspec.to_builtins(answer)]
    while inside:
        each = inside.pop()
        if isinstance(each, Mapping):
            inside += [*each.values()]
            if isinstance(each.get("next"), str):
                padded = each["next"] + "=" * (-len(each["next"]) % 4)
                inside += json.loads(base64.urlsafe_b64decode(padded)[32:])
        elif isinstance(each, list):
            inside += each
        elif isinstance(each, str):
            found.append(each)
    return found


def seen_sites(context: Context) -> set[str]:
    return {site for site in SITES if context.scope.holds(site)}


def everything_asked(runtime: Runtime, context: Context, world: World) -> list[tuple[str, Any]]:
    """Every look-up of the world's ids, with the answer or the code of what was refused."""
    asks: list[tuple[str, Callable[[], Any]]] = [
        (tx_id, partial(find_transaction, runtime, context, tx_id))
        for tx_id in world.site_of
        if tx_id.startswith("t")
    ]
    asks += [(each, partial(pages_of_order, runtime, context, each)) for each in map(world.name, ORDERS)]
    for wallet in map(world.name, WALLETS):
        asks += [
            (f"{wallet} {group}", partial(pages_of_wallet, runtime, context, wallet, group))
            for group in (None, *STATUS_GROUPS)
        ]
    return [(name, answered(ask)) for name, ask in asks]


def also_asked(runtime: Runtime, context: Context, world: World) -> list[tuple[str, Any]]:
    """Every list, bulk and timeline of the world's ids; merchants are asked for by id and by name."""
    tx_ids = [name for name in world.site_of if name.startswith("t")]
    asks: list[tuple[str, Callable[[], Any]]] = [
        # The ids that are unknown are those that were asked for.
        ("many", lambda: find_transactions(runtime, context, tx_ids).items),
        *((f"past of {each}", partial(find_transaction_timeline, runtime, context, each)) for each in tx_ids),
        *(
            (f"past of {each}", partial(find_order_timeline, runtime, context, each))
            for each in map(world.name, ORDERS)
        ),
    ]
    wanted = [OrderFilter(status_group=group) for group in (None, *STATUS_GROUPS)]
    wanted += [OrderFilter(merchant=each) for each in world.persons]
    asks += [(f"list {each}", partial(pages_of_orders, runtime, context, each)) for each in wanted]
    asks += [(f"list {each}", partial(pages_of_pairs, runtime, context, each)) for each in PAIR_FILTERS]
    return [(name, answered(ask)) for name, ask in asks]


PAIR_FILTERS = (PairFilter(state="INCOMPLETE"), *(PairFilter(anomaly=each.value) for each in Anomaly))


def pages_of_orders(runtime: Runtime, context: Context, wanted: OrderFilter, limit: int = 100) -> list[Any]:
    pages = [list_payment_orders(runtime, context, wanted, limit=limit)]
    while pages[-1].next:
        pages.append(list_payment_orders(runtime, context, wanted, limit=limit, cursor=pages[-1].next))
    return pages


def pages_of_pairs(runtime: Runtime, context: Context, wanted: PairFilter, limit: int = 100) -> list[Any]:
    pages = [list_pairs(runtime, context, wanted, limit=limit)]
    while pages[-1].next:
        pages.append(list_pairs(runtime, context, wanted, limit=limit, cursor=pages[-1].next))
    return pages


def answered(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except CounterfoilError as error:
        return error.code


def pages_of_order(runtime: Runtime, context: Context, order_id: str) -> list[Any]:
    pages = [find_payment_order(runtime, context, order_id, limit=2)]
    while pages[-1].entries.next:
        pages.append(find_payment_order(runtime, context, order_id, limit=2, cursor=pages[-1].entries.next))
    return pages


def pages_of_wallet(runtime: Runtime, context: Context, wallet: str, group: str | None) -> list[Any]:
    wanted = WalletFilter(status_group=group)
    pages = [list_wallet_transactions(runtime, context, wallet, wanted, limit=3)]
    while pages[-1].next:
        pages.append(
            list_wallet_transactions(runtime, context, wallet, wanted, limit=3, cursor=pages[-1].next)
        )
    return pages
