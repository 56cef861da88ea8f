"""An entry that is re-pointed repairs the order it left and the order it came to."""

from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.oracle import Oracle
from tests.support.sync_events import ABSENT, Sent, entry, ingest, order
from tests.support.sync_state import assert_converged, fetch_rows

Owner = psycopg.Connection[Any]


def states(owner: Owner) -> dict[str, tuple[str, str | None, str | None]]:
    pairs = fetch_rows(owner, "pairs", "order_id").values()
    return {p["order_id"]: (p["state"], p["payment_tx_id"], p["receive_tx_id"]) for p in pairs}


def told(runtime: Runtime, oracle: Oracle, *sent: Sent) -> None:
    """Ingest, and let the oracle see the same call."""
    ingest(runtime, *sent)
    oracle.take(sent)


def complete(runtime: Runtime, oracle: Oracle) -> None:
    legs = [
        entry(n, f"{t[0].lower()}-1", version=1, entry_type=t) for n, t in ((1, "PAYMENT"), (2, "RECEIVE"))
    ]
    told(runtime, oracle, order(1), *legs)


def test_both_orders_are_repaired(runtime: Runtime, owner: Owner) -> None:
    oracle = Oracle()
    complete(runtime, oracle)
    told(runtime, oracle, entry(3, "p-1", version=2, related_id="o-2"))
    assert states(owner) == {"o-1": ("INCOMPLETE", None, "r-1"), "o-2": ("INCOMPLETE", "p-1", None)}
    assert_converged(owner, oracle)


@pytest.mark.parametrize(
    "fields",
    [
        {"related_id": ABSENT},
        {"related_type": "INVOICE"},
        {"related_id": "o-2", "related_type": "INVOICE"},
        {"entry_type": "REFUND_OUT"},
    ],
)
def test_an_entry_that_belongs_to_no_order_any_more_leaves_its_pair(
    runtime: Runtime, owner: Owner, fields: dict[str, Any]
) -> None:
    oracle = Oracle()
    complete(runtime, oracle)
    told(runtime, oracle, entry(3, "p-1", version=2, **fields))
    assert states(owner)["o-1"] == ("INCOMPLETE", None, "r-1")
    assert_converged(owner, oracle)


def test_an_entry_that_comes_to_belong_to_an_order_joins_its_pair(runtime: Runtime, owner: Owner) -> None:
    oracle = Oracle()
    told(
        runtime,
        oracle,
        entry(1, "p-1", version=1, related_type="INVOICE"),
        entry(2, "q-1", related_id=ABSENT),
    )
    assert states(owner) == {}
    told(runtime, oracle, entry(3, "p-1", version=2), entry(4, "q-1", version=2, related_id="o-2"))
    assert states(owner) == {"o-1": ("INCOMPLETE", "p-1", None), "o-2": ("INCOMPLETE", "q-1", None)}
    assert_converged(owner, oracle)


def test_there_and_back_in_single_events_and_in_one_batch(runtime: Runtime, owner: Owner) -> None:
    oracle = Oracle()
    complete(runtime, oracle)
    told(runtime, oracle, entry(3, "p-1", version=2, related_id="o-2"))
    told(runtime, oracle, entry(4, "p-1", version=3))
    assert states(owner) == {"o-1": ("COMPLETE", "p-1", "r-1"), "o-2": ("OPEN", None, None)}
    told(
        runtime,
        oracle,
        entry(5, "p-1", version=4, related_id="o-3"),
        entry(6, "p-1", version=5, related_id="o-2"),
    )
    assert states(owner) == {"o-1": ("INCOMPLETE", None, "r-1"), "o-2": ("INCOMPLETE", "p-1", None)}
    assert_converged(owner, oracle)


def test_two_entries_change_places(runtime: Runtime, owner: Owner) -> None:
    oracle = Oracle()
    pays = [entry(n, f"p-{n}", version=1, related_id=f"o-{n}", entry_type="PAYMENT") for n in (1, 2)]
    told(runtime, oracle, *pays)
    told(runtime, oracle, *(entry(n + 2, f"p-{n}", version=2, related_id=f"o-{3 - n}") for n in (1, 2)))
    assert states(owner) == {"o-1": ("INCOMPLETE", "p-2", None), "o-2": ("INCOMPLETE", "p-1", None)}
    assert_converged(owner, oracle)


def test_a_moved_revision_after_a_re_pointing_touches_no_pair(runtime: Runtime, owner: Owner) -> None:
    """The row remembers where it pointed before; only a change of content may repair that order again."""
    ingest(runtime, entry(1, "p-1", version=1))
    ingest(runtime, entry(2, "p-1", version=2, related_id="o-2"))
    (moved,) = ingest(runtime, entry(3, "p-1", version=3, related_id="o-2"))
    assert moved.pairs_touched == 0
    (changed,) = ingest(runtime, entry(4, "p-1", version=4, related_id="o-2", amount="11"))
    assert changed.pairs_touched == 1


def test_a_pair_row_is_never_deleted(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1, "p-1", version=1))
    ingest(runtime, entry(2, "p-1", version=2, related_id="o-2"))
    (left,) = [p for p in fetch_rows(owner, "pairs", "order_id").values() if p["order_id"] == "o-1"]
    assert (left["state"], left["anomalies"], left["site_id"], left["amount"]) == ("OPEN", [], None, None)
