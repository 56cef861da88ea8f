"""Corrections: an entry beside the row, never a change of it; totals balance; one open correction per row."""

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.approvals.execute_approval import execute_approval
from shared.corrections.errors import CorrectionNotFound, CorrectionOpen, CorrectionTargetNotFound
from shared.corrections.find_correction import find_correction
from shared.corrections.list_corrections import list_corrections
from shared.corrections.model import CorrectionFilter
from shared.errors.request import RequestInvalid
from shared.lookup.find_payment_order import find_payment_order
from shared.lookup.find_transaction import find_transaction
from shared.lookup.list_wallet_transactions import list_wallet_transactions
from shared.lookup.model import WalletFilter
from shared.runtime import Runtime
from tests.support.approvals import (
    REASON,
    applied,
    approved,
    arrive,
    asking,
    correction,
    moving,
    requested,
    states,
)
from tests.support.callers import caller_with
from tests.support.lookups import looking
from tests.support.roles import APP, connected_as
from tests.support.sync_events import entry, ingest, order

Owner = psycopg.Connection[Any]


@pytest.fixture(autouse=True)
def _rows(runtime: Runtime) -> None:
    arrive(runtime)


def rows(owner: Owner) -> list[Any]:
    """Every business row, whole."""
    return owner.execute(
        "SELECT to_jsonb(e)::text FROM ledger_entries AS e UNION ALL SELECT to_jsonb(o)::text FROM payment_orders AS o"
        " UNION ALL SELECT to_jsonb(p)::text FROM pairs AS p ORDER BY 1"
    ).fetchall()


def test_an_adjustment_stands_beside_the_row_on_every_route(runtime: Runtime, owner: Owner) -> None:
    before = rows(owner)
    applied(runtime, correction("t-1", amount_delta="-2.5", note="fee booked twice"))
    assert rows(owner) == before
    found = find_transaction(runtime, looking(), "t-1")
    assert (found.amount, found.corrected_amount) == ("10", "7.5")
    (line,) = found.corrections
    assert (line.kind, line.amount_delta, line.note, line.is_current) == (
        "ADJUST", "-2.5", "fee booked twice", True,
    )  # fmt: skip
    by_order = find_payment_order(runtime, looking(), "o-1", limit=5).entries.items
    by_wallet = list_wallet_transactions(runtime, looking(), "w-1", WalletFilter(), limit=5).items
    assert [each.corrections for each in (*by_order, *by_wallet)] == [[line], [line]]


def test_an_order_is_corrected_as_well(runtime: Runtime) -> None:
    applied(runtime, correction("o-1", "REVERSE", "PAYMENT_ORDER"))
    found = find_transaction(runtime, looking(), "t-1")
    assert found.corrections == []
    assert found.order is not None
    assert (found.order.amount, found.order.corrected_amount) == ("10", "0")
    assert [each.amount_delta for each in found.order.corrections] == ["-10"]
    assert find_payment_order(runtime, looking(), "o-1", limit=5).order == found.order


def test_a_reversal_takes_back_what_was_added_too(runtime: Runtime) -> None:
    applied(runtime, correction("t-1", amount_delta="5.25"))
    done = applied(runtime, correction("t-1", "REVERSE"))
    assert done["payload"]["data"]["amount_delta"] == "-15.25000000"
    found = find_transaction(runtime, looking(), "t-1")
    assert (found.amount, found.corrected_amount) == ("10", "0")
    with pytest.raises(RequestInvalid):
        requested(runtime, correction("t-1", "REVERSE"))


def test_a_note_changes_no_amount(runtime: Runtime) -> None:
    applied(runtime, correction("t-1", "ANNOTATE", note="disputed"))
    found = find_transaction(runtime, looking(), "t-1")
    assert found.corrected_amount is None
    assert [(each.kind, each.note, each.amount_delta) for each in found.corrections] == [
        ("ANNOTATE", "disputed", None)
    ]


def test_a_later_version_of_the_row_shows_that_the_correction_was_for_another(runtime: Runtime) -> None:
    applied(runtime)
    ingest(runtime, entry(2, "t-1", amount="8", updated_at="2026-11-23T11:59:00Z", version=9))
    found = find_transaction(runtime, looking(), "t-1")
    assert (found.amount, found.corrected_amount) == ("8", "5.5")
    assert [each.is_current for each in found.corrections] == [False]


def test_one_open_correction_per_row(runtime: Runtime, owner: Owner) -> None:
    first = requested(runtime)
    with pytest.raises(CorrectionOpen):
        requested(runtime, correction("t-1", "ANNOTATE"))
    requested(runtime, correction("o-1", target_type="PAYMENT_ORDER"))
    assert len(states(owner)) == 2
    assert first["target_id"] == "t-1"


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "DELETE"},
        {"kind": None},
        {"target_type": "PAIR"},
        {"target_id": " "},
        {"target_id": 7},
        {"target_id": "t" * 201},
        {"evidence": ""},
        {"evidence": None},
        {"more": 1},
        {"data": []},
        {"data": {}},
        {"data": {"amount_delta": "0"}},
        {"data": {"amount_delta": "0.00"}},
        {"data": {"amount_delta": -2}},
        {"data": {"amount_delta": "1e3"}},
        {"data": {"amount_delta": "NaN"}},
        {"data": {"amount_delta": "1.123456789"}},
        {"data": {"amount_delta": "-10.00000001"}},
        {"data": {"amount_delta": "99999999999999999999"}},
        {"data": {"amount_delta": "1", "note": ""}},
        {"data": {"amount_delta": "1", "amount": "9"}},
        {"kind": "REVERSE", "data": {"amount_delta": "1"}},
        {"kind": "ANNOTATE", "data": {}},
    ],
)
def test_what_cannot_be_applied_cannot_be_asked_for(
    runtime: Runtime, owner: Owner, change: dict[str, object]
) -> None:
    with pytest.raises(RequestInvalid):
        requested(runtime, {**correction(), **change})
    assert states(owner) == []


def test_a_correction_of_another_site_is_not_there(runtime: Runtime) -> None:
    requested(runtime)
    (mine,) = list_corrections(runtime, looking("KR-SEOUL"), CorrectionFilter(), limit=9).items
    assert find_correction(runtime, looking("KR-SEOUL"), mine.correction_id) == mine
    assert list_corrections(runtime, looking("JP-TOKYO"), CorrectionFilter(), limit=9).items == []
    with pytest.raises(CorrectionNotFound):
        find_correction(runtime, looking("JP-TOKYO"), mine.correction_id)
    with pytest.raises(CorrectionTargetNotFound):
        requested(
            runtime,
            correction("o-1", target_type="PAYMENT_ORDER"),
            asking(caller_with("operator", "JP-TOKYO")),
        )


def test_lists_are_filtered_and_paged(runtime: Runtime) -> None:
    ingest(runtime, *(entry(n, f"e-{n}") for n in range(2, 7)), order(9, "o-2"))
    for n in range(2, 7):
        requested(runtime, correction(f"e-{n}"))
    applied(runtime, correction("o-2", target_type="PAYMENT_ORDER"))
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = list_corrections(runtime, looking(), CorrectionFilter(state="PENDING"), limit=2, cursor=cursor)
        seen += [each.target_id for each in page.items]
        if (cursor := page.next) is None:
            break
    assert sorted(seen) == [f"e-{n}" for n in range(2, 7)]
    for wanted, found in (
        (CorrectionFilter(target_id="e-3"), ["e-3"]),
        (CorrectionFilter(target_type="PAYMENT_ORDER"), ["o-2"]),
        (CorrectionFilter(state="APPLIED", target_type="LEDGER_ENTRY"), []),
    ):
        assert [e.target_id for e in list_corrections(runtime, looking(), wanted, limit=9).items] == found


AMOUNTS = st.decimals(min_value=Decimal(-30), max_value=Decimal(30), places=2)
STEPS = st.lists(st.one_of(AMOUNTS.map(str), st.sampled_from(["REVERSE", "ANNOTATE"])), max_size=6)


@pytest.fixture
def many_rows(runtime: Runtime) -> None:
    ingest(runtime, *(entry(n, f"b-{n}", amount="10", related_id=f"o-{n}") for n in range(100, 400)))


@pytest.mark.usefixtures("many_rows")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_totals_balance_whatever_is_corrected(runtime: Runtime, owner: Owner, steps: list[str]) -> None:
    """The corrected amount is the row's own plus every delta, never below zero, and each entry begins at the last."""
    (tx_id,) = owner.execute(
        "SELECT min(tx_id) FROM ledger_entries WHERE tx_id LIKE 'b-%' AND tx_id NOT IN"
        " (SELECT target_id FROM corrections)"
    ).fetchone() or ("",)
    expected = Decimal(10)
    for step in steps:
        kind = step if step in ("REVERSE", "ANNOTATE") else "ADJUST"
        delta = {"ADJUST": Decimal(step) if kind == "ADJUST" else 0, "REVERSE": -expected, "ANNOTATE": 0}[
            kind
        ]
        payload = correction(tx_id, kind, **({"amount_delta": step} if kind == "ADJUST" else {}))
        if kind != "ANNOTATE" and (delta == 0 or expected + delta < 0):
            with pytest.raises(RequestInvalid):
                applied(runtime, payload)
        else:
            applied(runtime, payload)
            expected += delta
    found = owner.execute(
        "SELECT e.amount, e.amount + coalesce(sum(c.amount_delta), 0),"
        " (array_agg(c.amount_after ORDER BY c.applied_at DESC, c.correction_id) FILTER (WHERE c.kind <> 'ANNOTATE'))"
        " IS NULL OR bool_or(c.amount_after = e.amount + (SELECT sum(amount_delta) FROM correction_entries"
        " WHERE target_id = e.tx_id))"
        " FROM ledger_entries AS e LEFT JOIN correction_entries AS c ON c.target_id = e.tx_id"
        " WHERE e.tx_id = %s GROUP BY e.tx_id",
        [tx_id],
    ).fetchone()
    assert found == (Decimal(10), expected, True)
    shown = find_transaction(runtime, looking(), tx_id).corrected_amount
    assert shown is None or Decimal(shown) == expected


# What the application's role may not do, whoever takes its place: each is refused by a constraint of that name.
INSERT_ENTRY = (
    "INSERT INTO correction_entries (correction_id, approval_id, target_type, target_id, kind, amount_before,"
    " amount_delta, currency, base_digest, applied_at) SELECT correction_id, approval_id, target_type, target_id,"
    " kind, {before}, {delta}, {currency}, sha256('x'), now() FROM corrections"
)
USUAL = {"before": "amount_before", "delta": "amount_delta", "currency": "currency"}


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (INSERT_ENTRY.format(**USUAL), "corrections_follow"),
        (INSERT_ENTRY.format(**{**USUAL, "before": "9"}), "correction_entries_balance"),
        (INSERT_ENTRY.format(**{**USUAL, "currency": "'KRW'"}), "correction_entries_balance"),
        (INSERT_ENTRY.format(**{**USUAL, "delta": "-1"}), "correction_entries_asked"),
        ("UPDATE corrections SET state = 'APPLIED'", "corrections_follow"),
        ("UPDATE corrections SET state = 'REJECTED'", "corrections_follow"),
        ("UPDATE corrections SET state = 'PENDING'", "corrections_edge"),
        (
            "UPDATE approvals SET state = 'EXECUTED', closed_by = 'x', closed_as = 'x', closed_at = decided_at,"
            " close_reason = 'x'",
            "corrections_follow",
        ),
        (
            "UPDATE approvals SET state = 'WITHDRAWN', closed_by = requested_by, closed_as = 'x', closed_at = now(),"
            " close_reason = 'x'",
            "corrections_follow",
        ),
    ],
)
def test_a_correction_is_applied_by_its_executed_approval_only(
    runtime: Runtime, database: Any, owner: Owner, statement: str, constraint: str
) -> None:
    approved(runtime)
    with connected_as(database, APP) as app, pytest.raises(psycopg.IntegrityError) as refused:
        app.execute(statement.encode())
    assert refused.value.diag.constraint_name == constraint
    assert states(owner) == [("APPROVED", "APPROVED", 0)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE correction_entries SET note = 'x'",
        "DELETE FROM correction_entries",
        "TRUNCATE correction_entries CASCADE",
        "UPDATE corrections SET evidence = 'x'",
        "DELETE FROM corrections",
        "TRUNCATE corrections CASCADE",
    ],
)
def test_nothing_is_ever_edited_or_removed(
    runtime: Runtime, database: Any, owner: Owner, statement: str
) -> None:
    """Neither by the application, which has no right to, nor by its owner, whom the triggers meet."""
    applied(runtime)
    with connected_as(database, APP) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute(statement.encode())
    with pytest.raises(psycopg.Error) as refused:
        owner.execute(statement.encode())
    assert refused.value.sqlstate in ("42501", "23000")
    assert states(owner) == [("EXECUTED", "APPLIED", 1)]


def test_a_target_that_changed_its_site_is_another_version(runtime: Runtime, owner: Owner) -> None:
    agreed = approved(runtime)
    ingest(
        runtime,
        entry(2, "t-1", amount="10", site_id="JP-TOKYO", version=9, updated_at="2026-11-23T11:59:00Z"),
    )
    with pytest.raises(Exception, match=agreed["approval_id"]):
        execute_approval(runtime, moving(), agreed["approval_id"], REASON)
    assert states(owner) == [("APPROVED", "APPROVED", 0)]
