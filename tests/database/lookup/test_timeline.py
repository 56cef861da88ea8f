"""Timelines: everything that happened, in order, as far as the caller may see it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from shared.lookup.find_payment_order import find_payment_order
from shared.lookup.find_transaction import find_transaction
from shared.lookup.find_transactions import find_transactions
from shared.lookup.list_pairs import list_pairs
from shared.lookup.list_payment_orders import list_payment_orders
from shared.lookup.model import OrderFilter, PairFilter
from shared.lookup.timeline.answer import TimelineLine
from shared.lookup.timeline.find_order_timeline import find_order_timeline
from shared.lookup.timeline.find_transaction_timeline import find_transaction_timeline
from shared.lookup.timeline.model import ENTRIES_MAX, PART_MAX
from shared.pairing.store import mark_overdue
from shared.runtime import Runtime
from tests.support.approvals import ASKER, DECIDER, applied, correction, requested
from tests.support.counted import counted
from tests.support.lookups import looking
from tests.support.runtime import NOON, StandingClock
from tests.support.sync_events import Sent, entry, ingest, order

Owner = psycopg.Connection[Any]
APPLIED = "VERSION_APPLIED"


def later(runtime: Runtime, **passed: float) -> Runtime:
    clock = runtime.clock
    assert isinstance(clock, StandingClock)
    clock.move(**passed)
    return runtime


def told(runtime: Runtime) -> None:
    """An order with a status history, a payment that changed, a receipt refused at first, and a correction."""
    ingest(runtime, order(1, "o-1", status="CREATED", version=1))
    ingest(later(runtime, minutes=1), entry(1, "p", version=1, correlation_id="c-1"))
    with later(runtime, hours=2).database.transaction() as connection:
        mark_overdue(connection, runtime.clock.now())
    refused = Sent("ledger", 2, b"{", properties={"x-correlation-id": "c-1"})
    ingest(later(runtime, minutes=1), refused, order(2, "o-1", status="AUTHORIZED", version=2))
    ingest(later(runtime, minutes=1), entry(3, "p", version=2, amount="11", correlation_id="c-1"))
    # A duplicate and a superseded version leave no trace.
    ingest(runtime, entry(4, "p", version=3, amount="11", correlation_id="c-1"), entry(5, "p", version=1))
    applied(later(runtime, minutes=1), correction("p"))
    ingest(later(runtime, minutes=1), entry(6, "r", entry_type="RECEIVE", amount="11"))
    ingest(later(runtime, minutes=1), order(3, "o-1", status="SETTLED", version=3))


def kinds(items: list[TimelineLine], *without: str) -> list[tuple[str, str | None]]:
    return [(each.kind, each.target_id) for each in items if each.kind not in without]


STORY = [
    (APPLIED, "o-1"),
    (APPLIED, "p"),
    (APPLIED, "o-1"),
    (APPLIED, "p"),
    ("CORRECTION_REQUESTED", "p"),
    ("CORRECTION_APPLIED", "p"),
    (APPLIED, "r"),
    ("PAIR_COMPLETE", "o-1"),
    (APPLIED, "o-1"),
]


def test_everything_that_happened_is_told_in_order(runtime: Runtime, owner: Owner) -> None:
    told(runtime)
    past = find_order_timeline(runtime, looking(role="viewer"), "o-1")
    assert kinds(past.items, "DEAD_LETTERED") == STORY
    assert (past.tx_ids, past.is_complete) == (["p", "r"], True)
    assert [each.status for each in past.items if each.status] == ["CREATED", "AUTHORIZED", "SETTLED"]
    own = find_transaction_timeline(runtime, looking(role="viewer"), "p")
    assert kinds(own.items, "DEAD_LETTERED") == [each for each in STORY if each != (APPLIED, "r")]
    assert own.order_id == "o-1"
    places = [each.arrival for each in own.items if each.kind == APPLIED and each.target_id == "p"]
    assert [(p.hub, p.generation, p.partition, p.sequence_number) for p in places if p] == [
        ("ledger.entry.upserted", 1, "0", 1), ("ledger.entry.upserted", 1, "0", 3),
    ]  # fmt: skip
    revisions = [each.revision for each in own.items if each.kind == APPLIED and each.target_id == "p"]
    assert [each.version for each in revisions if each] == [1, 2]
    assert len({each.content_digest for each in revisions if each}) == 2
    stored = owner.execute(
        "SELECT enqueued_at FROM applied_records WHERE sequence_number = 3 AND NOT is_order"
    )
    (sent,) = stored.fetchone() or (NOON,)
    assert places[1] is not None
    assert places[1].enqueued_at == sent.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_a_pair_that_waits_tells_since_when_and_that_it_is_overdue(runtime: Runtime) -> None:
    ingest(runtime, order(1, "o-1"), entry(1, "p"))
    with later(runtime, hours=2).database.transaction() as connection:
        assert mark_overdue(connection, runtime.clock.now())
    past = find_order_timeline(runtime, looking(), "o-1")
    assert kinds(past.items) == [
        (APPLIED, "p"), (APPLIED, "o-1"), ("PAIR_INCOMPLETE", "o-1"), ("PAIR_OVERDUE", "o-1"),
    ]  # fmt: skip


def test_a_dead_letter_that_names_a_row_is_there_for_who_sees_all(runtime: Runtime, owner: Owner) -> None:
    told(runtime)
    (number,) = owner.execute("SELECT dead_letter_id FROM dead_letters").fetchone() or (0,)
    for timeline in (
        find_transaction_timeline(runtime, looking(role="viewer"), "p"),
        find_order_timeline(runtime, looking(role="viewer"), "o-1"),
    ):
        (found,) = [each for each in timeline.items if each.kind == "DEAD_LETTERED"]
        assert found.dead_letter is not None
        assert found.arrival is not None
        assert (found.dead_letter.dead_letter_id, found.dead_letter.status) == (number, "NEW")
        assert (found.arrival.sequence_number, found.target_id) == (2, str(number))
    one = find_transaction_timeline(runtime, looking("KR-SEOUL"), "p")
    assert "DEAD_LETTERED" not in [each.kind for each in one.items]


def test_a_dead_letter_is_found_by_the_key_it_was_sent_under(runtime: Runtime, owner: Owner) -> None:
    """Producers send under the order's id."""
    ingest(runtime, order(1, "o-1"), order(2, "o-2"), Sent("ledger", 1, b"{"))
    owner.execute("UPDATE dead_letters SET partition_key = 'o-1', correlation_id = NULL")
    named = {
        order_id: [each.kind for each in find_order_timeline(runtime, looking(), order_id).items]
        for order_id in ("o-1", "o-2")
    }
    assert ["DEAD_LETTERED" in each for each in named.values()] == [True, False]


def test_interventions_are_there_for_who_may_read_the_audit(runtime: Runtime) -> None:
    told(runtime)

    def acts(*sites: str, role: str) -> list[tuple[str, str]]:
        past = find_transaction_timeline(runtime, looking(*sites, role=role), "p")
        return [
            (each.intervention.actor, each.intervention.action) for each in past.items if each.intervention
        ]

    whole = [
        (ASKER.actor, "requester:correction:request"),
        (DECIDER.actor, "approver:approval:approve"),
        (ASKER.actor, "requester:approval:execute"),
    ]
    for role in ("auditor", "administrator"):
        assert [actor for actor, _ in acts(role=role)] == [actor for actor, _ in whole]
        assert acts("KR-SEOUL", role=role) == acts(role=role)
    assert [action.split(":")[-1] for _, action in acts(role="auditor")] == ["request", "approve", "execute"]
    for role in ("viewer", "operator", "approver", "site_manager"):
        assert acts(role=role) == []


def test_parts_of_other_sites_are_withheld(runtime: Runtime) -> None:
    ingest(
        runtime,
        entry(1, "p", site_id="KR-SEOUL"),
        entry(2, "r", entry_type="RECEIVE", site_id="JP-TOKYO"),
        order(1, "o-1", site_id="KR-SEOUL"),
    )
    requested(runtime, correction("r", "ANNOTATE", note="of Tokyo"))
    seoul = find_order_timeline(runtime, looking("KR-SEOUL"), "o-1")
    assert kinds(seoul.items) == [(APPLIED, "p"), (APPLIED, "o-1")]
    tokyo = find_transaction_timeline(runtime, looking("JP-TOKYO", role="viewer"), "r")
    assert (kinds(tokyo.items, "CORRECTION_REQUESTED"), tokyo.order_id) == ([(APPLIED, "r")], None)
    assert [each.status for each in tokyo.items] == [None] * len(tokyo.items)
    assert [each.kind for each in seoul.items if each.correction] == []
    assert len([each for each in tokyo.items if each.correction]) == 1


def test_versions_of_one_time_stand_as_they_replaced_each_other(runtime: Runtime) -> None:
    """Three partitions bring them within one microsecond; the revision decides, not the sequence number."""
    for version, (partition, number) in enumerate((("2", 9), ("0", 5), ("1", 1))):
        ingest(runtime, order(number, "o-1", partition_id=partition, version=version, status=f"S{version}"))
    past = find_order_timeline(runtime, looking(), "o-1")
    assert [each.status for each in past.items] == ["S0", "S1", "S2"]


def test_of_very_many_versions_the_newest_are_told(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1, "p", version=1))
    owner.execute(
        "INSERT INTO applied_records (record_key, position_id, sequence_number, enqueued_at, version, content_digest,"
        " is_order, applied_at) SELECT record_key, position_id, n, enqueued_at, n, content_digest, false,"
        " applied_at + n * interval '1 second' FROM applied_records, generate_series(2, %s) AS n",
        (PART_MAX,),
    )
    whole = find_transaction_timeline(runtime, looking(), "p")
    assert (len([e for e in whole.items if e.kind == APPLIED]), whole.is_complete) == (PART_MAX, True)
    owner.execute(
        "INSERT INTO applied_records SELECT record_key, position_id, %s, enqueued_at, updated_at, %s, content_digest,"
        " order_status, is_order, applied_at + interval '1 day' FROM applied_records WHERE version = 1",
        (PART_MAX + 1, PART_MAX + 1),
    )
    cut = find_transaction_timeline(runtime, looking(), "p")
    told_versions = [each.revision.version for each in cut.items if each.revision]
    assert (told_versions, cut.is_complete) == (list(range(2, PART_MAX + 2)), False)


def test_an_order_of_very_many_entries_says_that_it_is_not_all(runtime: Runtime) -> None:
    ingest(runtime, *(entry(n, f"t-{n:03}", related_id="o-1") for n in range(ENTRIES_MAX)))
    assert find_order_timeline(runtime, looking(), "o-1").is_complete
    ingest(runtime, entry(ENTRIES_MAX, "t-999", related_id="o-1"))
    past = find_order_timeline(runtime, looking(), "o-1")
    assert (len(past.tx_ids), past.is_complete) == (ENTRIES_MAX, False)


STATEMENTS = {"many": 2, "orders": 2, "pairs": 2, "tx timeline": 6, "order timeline": 7}


@pytest.mark.parametrize("size", [1, 60])
def test_statements_do_not_grow_with_rows(runtime: Runtime, size: int) -> None:
    """So many, the access record included, for one row and for a page of them."""
    ingest(runtime, *(entry(n, f"t-{n}", related_id="o-0") for n in range(size)))
    ingest(runtime, *(order(n, f"o-{n}") for n in range(size)))
    asks: dict[str, Callable[[Runtime], object]] = {
        "many": lambda r: find_transactions(r, looking(), [f"t-{n}" for n in range(size)]),
        "orders": lambda r: list_payment_orders(r, looking(), OrderFilter(), limit=100),
        "pairs": lambda r: list_pairs(r, looking(), PairFilter(anomaly="ORDER_MISSING"), limit=100),
        "tx timeline": lambda r: find_transaction_timeline(r, looking(), "t-0"),
        "order timeline": lambda r: find_order_timeline(r, looking(), "o-0"),
    }
    for name, ask in asks.items():
        with counted(runtime) as (counting, counts):
            ask(counting)
        assert (counts["begin"], counts["commit"], counts["statements"]) == (1, 1, STATEMENTS[name]), name


def test_a_bulk_look_up_leaves_one_record_with_every_id(runtime: Runtime, owner: Owner) -> None:
    ingest(
        runtime,
        *(entry(n, f"t-{n}", site_id="JP-TOKYO") for n in range(3)),
        entry(9, "far", site_id="EU-PARIS"),
    )
    find_transactions(runtime, looking(resource="many"), ["t-0", "t-1", "t-1", "nobody", "t-2"])
    find_transactions(runtime, looking("JP-TOKYO", resource="many"), ["t-0", "far"])
    find_transactions(runtime, looking(resource="many"), ["t-0", "far"])
    rows = owner.execute(
        "SELECT result_count, site_id, cardinality(looked_up) FROM access_records ORDER BY record_id"
    ).fetchall()
    assert rows == [(3, "JP-TOKYO", 4), (1, "JP-TOKYO", 2), (2, None, 2)]


def test_every_list_and_timeline_leaves_its_record(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1, "p"), order(1, "o-1", merchant_id="m-1"))
    list_payment_orders(runtime, looking(), OrderFilter(merchant="m-1"), limit=5)
    list_payment_orders(runtime, looking(), OrderFilter(), limit=5)
    list_pairs(runtime, looking(), PairFilter(state="INCOMPLETE", older_than=timedelta(0)), limit=5)
    list_pairs(runtime, looking("KR-SEOUL"), PairFilter(state="INCOMPLETE", site="KR-SEOUL"), limit=5)
    list_pairs(runtime, looking("KR-SEOUL"), PairFilter(state="INCOMPLETE", site="JP-TOKYO"), limit=5)
    find_transaction_timeline(runtime, looking(), "p")
    find_order_timeline(runtime, looking(), "o-1")
    rows = owner.execute(
        "SELECT result_count, site_id, cardinality(looked_up) FROM access_records ORDER BY record_id"
    ).fetchall()
    assert rows == [
        (1, None, 1), (1, None, 0), (1, None, 0), (1, "KR-SEOUL", 0), (0, None, 0),
        (3, "KR-SEOUL", 1), (3, "KR-SEOUL", 1),
    ]  # fmt: skip


def test_a_pair_is_not_listed_by_what_is_withheld_of_it(runtime: Runtime) -> None:
    """The order is ours, the only leg is not: its age, its amounts' difference and its twin are not for us."""
    ingest(
        runtime,
        order(1, "o-1", site_id="KR-SEOUL", amount="12"),
        entry(1, "p-1", site_id="JP-TOKYO"),
        entry(2, "p-2", site_id="JP-TOKYO", event_time="2026-11-23T11:30:00Z"),
    )
    pair = find_payment_order(runtime, looking("KR-SEOUL"), "o-1", limit=1).pair
    assert pair is not None
    assert (pair.state, pair.incomplete_since, pair.anomalies) == ("INCOMPLETE", None, ["SITE_MISMATCH"])
    wanted = {
        "state": PairFilter(state="INCOMPLETE"),
        "age": PairFilter(state="INCOMPLETE", older_than=timedelta(0)),
        "amount": PairFilter(anomaly="AMOUNT_MISMATCH"),
        "twice": PairFilter(anomaly="DUPLICATE_PAYMENT"),
        "site": PairFilter(anomaly="SITE_MISMATCH"),
    }

    def found(*sites: str) -> set[str]:
        return {
            name for name, each in wanted.items() if list_pairs(runtime, looking(*sites), each, limit=5).items
        }

    assert found("KR-SEOUL") == {"site"}
    assert found("JP-TOKYO") == set()
    assert found("KR-SEOUL", "JP-TOKYO") == found() == set(wanted)
    assert find_transaction(runtime, looking("JP-TOKYO"), "p-1").pairing_status == "INCOMPLETE"
