"""What a scope shows: no answer, list, count, cursor or error tells of a row of another site, but a pair's state and
SITE_MISMATCH.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.lookup.errors import OrderNotFound, TransactionNotFound
from shared.lookup.find_payment_order import find_payment_order
from shared.lookup.find_transaction import find_transaction
from shared.lookup.list_wallet_transactions import list_wallet_transactions
from shared.lookup.model import WalletFilter
from shared.runtime import Runtime
from shared.security.model import Permission
from shared.spine.model import Context
from tests.support.approvals import applied, correction
from tests.support.callers import caller_with, context_of, holding, nobody
from tests.support.lookup_worlds import (
    ENTRIES,
    GRANTS,
    ORDER_SITES,
    SITES,
    World,
    also_asked,
    everything_asked,
    seen_sites,
    words,
)
from tests.support.lookups import looking
from tests.support.sync_events import entry, ingest, order

Owner = psycopg.Connection[Any]
MASKED = "[masked]"
NUMBERS = iter(range(10, 10_000))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=ENTRIES, orders=ORDER_SITES, grants=GRANTS)
def test_no_answer_tells_of_a_foreign_row(
    runtime: Runtime,
    entries: list[tuple[str, ...]],
    orders: list[str | None],
    grants: list[tuple[str, set[str]]],
) -> None:
    world = World(runtime, next(NUMBERS), entries, orders)
    held = tuple(holding(role, *sorted(sites)) for role, sites in grants if sites)
    context = context_of(caller_with("viewer", holdings=held), Permission.LOOKUP_READ)
    seen = seen_sites(context)
    hidden = world.foreign(seen)
    for name, answer in everything_asked(runtime, context, world) + also_asked(runtime, context, world):
        assert hidden.isdisjoint(words(answer)), name
        site = world.site_of.get(name)
        if name.startswith("t"):
            assert (answer == "TX_NOT_FOUND") == (site not in seen)
        if name.startswith("o"):
            own = any(o == name.rpartition("-")[0] and s in seen for _, s, o, _ in entries)
            assert (answer == "ORDER_NOT_FOUND") == (site not in seen and not own)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entries=ENTRIES, orders=ORDER_SITES, mine=st.sampled_from(SITES))
def test_a_foreign_row_changes_nothing_but_state_and_mismatch(
    runtime: Runtime, entries: list[tuple[str, ...]], orders: list[str | None], mine: str
) -> None:
    """The same world without the foreign rows gives the same lines and pages, save what a pair discloses."""
    number = next(NUMBERS)
    whole = World(runtime, number, entries, orders)
    alone = next(NUMBERS)
    kept = [each if each[1] == mine else ("FEE", mine, "none", "nobody") for each in entries]
    part = World(runtime, alone, kept, [site if site == mine else None for site in orders])
    context = looking(mine)
    found = dict(plain(name, answer, whole) for name, answer in everything_asked(runtime, context, whole))
    bare = dict(plain(name, answer, part) for name, answer in everything_asked(runtime, context, part))
    for name, answer in found.items():
        if not name.startswith("t.") or whole.site_of[f"t{number}{name[1:]}"] == mine:
            assert answer == bare[name], name


def plain(name: str, answer: Any, world: World) -> tuple[str, Any]:
    """An answer without its world's number and without what a pair discloses: which lines there are, and their own."""
    text = name.replace(f"t{world.number}.", "t.").replace(f"-{world.number}", "")
    if isinstance(answer, str):
        return text, answer
    pages = answer if isinstance(answer, list) else [answer]
    lines = []
    for page in pages:
        shown = asdict(page)
        items = shown["entries"]["items"] if "entries" in shown else shown.get("items", [shown])
        lines.append([own_of(each, world) for each in items])
    return text, lines


def own_of(line: Mapping[str, Any], world: World) -> str:
    names = ("tx_id", "wallet_id", "amount", "status", "merchant_name", "related", "site")
    text = json.dumps([line[name] for name in names])
    for ours in (f"t{world.number}.", f"-{world.number}", f"{world.number:04}7", f"shop {world.number}."):
        text = text.replace(ours, "#")
    return text


def far_pair(runtime: Runtime) -> None:
    """An order and its PAYMENT in Seoul; its RECEIVE in Tokyo."""
    ingest(
        runtime,
        entry(1, "p", site_id="KR-SEOUL", wallet_id="w-p", amount="10"),
        entry(2, "r", entry_type="RECEIVE", site_id="JP-TOKYO", wallet_id="w-r", amount="9"),
        order(1, "o-1", site_id="KR-SEOUL", amount="10", merchant_name="Shop", user_id="u-1"),
    )


def test_a_leg_of_another_site_is_withheld_field_by_field(runtime: Runtime) -> None:
    far_pair(runtime)
    seoul = find_transaction(runtime, looking("KR-SEOUL"), "p")
    assert (seoul.pairing_status, seoul.anomalies) == ("COMPLETE", ["SITE_MISMATCH"])
    assert (seoul.paired_tx_id, seoul.paired_entry_type, seoul.receiver_wallet_id) == (None, None, None)
    assert (seoul.sender_wallet_id, seoul.status) == ("w-p", "CREATED")
    pair = find_payment_order(runtime, looking("KR-SEOUL"), "o-1", limit=5).pair
    assert pair is not None
    assert (pair.state, pair.payment_tx_id, pair.receive_tx_id, pair.amount) == ("COMPLETE", "p", None, "10")
    assert (pair.completed_at, pair.time_to_complete_sec, pair.site) == (None, None, "KR-SEOUL")


def test_an_order_of_another_site_is_withheld_with_all_that_comes_of_it(runtime: Runtime) -> None:
    far_pair(runtime)
    tokyo = find_transaction(runtime, looking("JP-TOKYO"), "r")
    assert (tokyo.order, tokyo.status, tokyo.merchant_name) == (None, None, None)
    assert (tokyo.pairing_status, tokyo.anomalies) == ("COMPLETE", ["SITE_MISMATCH"])
    assert (tokyo.paired_tx_id, tokyo.sender_wallet_id, tokyo.receiver_wallet_id) == (None, None, "w-r")
    answer = find_payment_order(runtime, looking("JP-TOKYO"), "o-1", limit=5)
    assert (answer.order, [each.tx_id for each in answer.entries.items]) == (None, ["r"])
    assert answer.pair is not None
    assert (answer.pair.amount, answer.pair.currency, answer.pair.site) == (None, None, None)
    assert (answer.pair.payment_tx_id, answer.pair.receive_tx_id) == (None, "r")


def test_who_sees_both_sites_sees_the_whole_pair(runtime: Runtime) -> None:
    far_pair(runtime)
    both, whole = (
        find_transaction(runtime, looking(*sites), "p") for sites in (("KR-SEOUL", "JP-TOKYO"), ())
    )
    assert both == whole
    assert set(both.anomalies) == {"AMOUNT_MISMATCH", "SITE_MISMATCH"}


def test_a_side_is_double_only_by_entries_that_show(runtime: Runtime) -> None:
    ingest(
        runtime,
        entry(1, "p-1", site_id="KR-SEOUL"),
        entry(2, "p-2", site_id="JP-TOKYO", event_time="2026-11-23T11:30:00Z"),
        order(1, "o-1", site_id="KR-SEOUL"),
    )
    assert "DUPLICATE_PAYMENT" in find_transaction(runtime, looking(), "p-1").anomalies
    assert find_transaction(runtime, looking("KR-SEOUL"), "p-1").anomalies == []
    assert find_transaction(runtime, looking("JP-TOKYO"), "p-2").anomalies == []


@pytest.mark.parametrize("context", [looking("EU-PARIS"), context_of(nobody(), Permission.LOOKUP_READ)])
def test_what_is_elsewhere_and_what_is_nowhere_answer_alike(
    runtime: Runtime, owner: Owner, context: Context
) -> None:
    far_pair(runtime)
    for tx_id in ("p", "nowhere"):
        with pytest.raises(TransactionNotFound):
            find_transaction(runtime, context, tx_id)
    for order_id in ("o-1", "nowhere"):
        with pytest.raises(OrderNotFound):
            find_payment_order(runtime, context, order_id, limit=5)
    pages = [
        list_wallet_transactions(runtime, context, wallet, WalletFilter(), limit=5)
        for wallet in ("w-p", "nowhere")
    ]
    assert [(page.items, page.next) for page in pages] == [([], None)] * 2
    records = owner.execute(
        "SELECT status, code, result_count, site_id, cardinality(looked_up) FROM access_records ORDER BY record_id"
    ).fetchall()
    half = [(404, "TX_NOT_FOUND", 0, None, 1)] * 2 + [(404, "ORDER_NOT_FOUND", 0, None, 1)] * 2
    assert records == [*half, (200, None, 0, None, 1), (200, None, 0, None, 1)]


def test_a_cursor_given_away_shows_no_more_than_its_bearer_may_see(runtime: Runtime) -> None:
    far_pair(runtime)
    ingest(runtime, *(entry(n, f"p-{n}", site_id="KR-SEOUL") for n in range(10, 14)))
    page = find_payment_order(runtime, looking("KR-SEOUL"), "o-1", limit=2)
    assert page.entries.next is not None
    with pytest.raises(OrderNotFound):
        find_payment_order(runtime, looking("EU-PARIS"), "o-1", limit=2, cursor=page.entries.next)
    tokyo = find_payment_order(runtime, looking("JP-TOKYO"), "o-1", limit=2, cursor=page.entries.next)
    assert [each.tx_id for each in tokyo.entries.items] in ([], ["r"])


@pytest.mark.parametrize(
    ("role", "shown"),
    [
        ("viewer", (MASKED, MASKED)),
        ("operator", (MASKED, MASKED)),
        ("approver", (MASKED, MASKED)),
        ("auditor", ("u-1", "Shop")),
        ("site_manager", ("u-1", "Shop")),
        ("administrator", ("u-1", "Shop")),
    ],
)
def test_persons_and_merchants_are_masked_by_role(
    runtime: Runtime, role: str, shown: tuple[str, str]
) -> None:
    far_pair(runtime)
    for context in (looking(role=role), looking("KR-SEOUL", role=role)):
        found = find_transaction(runtime, context, "p")
        by_order = find_payment_order(runtime, context, "o-1", limit=5)
        assert found.order == by_order.order
        assert found.order is not None
        assert (found.order.user_id, found.order.merchant_name, found.merchant_name) == (*shown, shown[1])
        assert {each.merchant_name for each in by_order.entries.items} == {shown[1]}
        assert found.order.order_id == "o-1"


def test_a_role_shows_a_field_on_its_own_sites_only(runtime: Runtime) -> None:
    far_pair(runtime)
    ingest(runtime, order(7, "o-7", site_id="JP-TOKYO", user_id="u-7"))
    two = caller_with("viewer", holdings=(holding("viewer"), holding("auditor", "JP-TOKYO")))
    context = context_of(two, Permission.LOOKUP_READ)
    shown = [find_payment_order(runtime, context, each, limit=1).order for each in ("o-1", "o-7")]
    assert [each.user_id for each in shown if each] == [MASKED, "u-7"]


def test_what_is_not_there_is_not_masked(runtime: Runtime) -> None:
    ingest(runtime, entry(1, "p"), order(1, "o-1", merchant_name=None, user_id=None))
    found = find_transaction(runtime, looking(role="viewer"), "p")
    assert found.order is not None
    assert (found.order.user_id, found.order.merchant_name, found.merchant_name) == (None, None, None)


def test_corrections_are_withheld_with_their_row(runtime: Runtime) -> None:
    far_pair(runtime)
    applied(runtime, correction("o-1", "ANNOTATE", "PAYMENT_ORDER", note="secret of Seoul"))
    assert "secret of Seoul" in words(find_transaction(runtime, looking("KR-SEOUL"), "p"))
    assert "secret of Seoul" not in words(find_transaction(runtime, looking("JP-TOKYO"), "r"))


def test_every_look_up_leaves_its_record(runtime: Runtime, owner: Owner) -> None:
    far_pair(runtime)
    find_transaction(runtime, looking(resource="http_tx"), "p")
    find_payment_order(runtime, looking(resource="http_payment_order"), "o-1", limit=5)
    list_wallet_transactions(runtime, looking(resource="http_wallet_tx"), "w-p", WalletFilter(), limit=5)
    rows = owner.execute(
        "SELECT resource, status, result_count, site_id, cardinality(looked_up) FROM access_records ORDER BY record_id"
    ).fetchall()
    assert rows == [
        ("http_tx", 200, 1, "KR-SEOUL", 1),
        ("http_payment_order", 200, 3, "KR-SEOUL", 1),
        ("http_wallet_tx", 200, 1, None, 1),
    ]
