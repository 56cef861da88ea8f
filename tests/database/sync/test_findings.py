"""Observations kept beside the state: revision conflicts and changes of site."""

from itertools import permutations
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.runtime import KeptTelemetry
from tests.support.sync_events import Sent, entry, ingest, order, outcomes

Owner = psycopg.Connection[Any]
CONFLICT, MOVED = "REVISION_CONFLICT", "SITE_CHANGED"


def findings(owner: Owner) -> list[tuple[str, str, str, int]]:
    return owner.execute(
        "SELECT kind, stream, record_key, sequence_number FROM sync_findings ORDER BY finding_id"
    ).fetchall()


def details(owner: Owner) -> list[dict[str, Any]]:
    return [
        row[0] for row in owner.execute("SELECT detail FROM sync_findings ORDER BY finding_id").fetchall()
    ]


@pytest.mark.parametrize(
    "age",
    [
        {"version": 1},
        {"updated_at": "2026-11-23T11:00:00Z"},
        {"version": 1, "updated_at": "2026-11-23T11:00:00Z"},
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("together", [False, True])
def test_an_equal_age_with_other_content_is_a_conflict_and_the_order_still_decides(
    runtime: Runtime, owner: Owner, age: dict[str, Any], reverse: bool, together: bool
) -> None:
    events = [entry(1, amount="1", **age), entry(2, amount="2", **age)]
    events = events[::-1] if reverse else events
    for call in [events] if together else [[each] for each in events]:
        ingest(runtime, *call)
    assert owner.execute("SELECT amount FROM ledger_entries").fetchall() == [(2,)]
    noticed_at = 1 if together or reverse else 2
    assert findings(owner) == [(CONFLICT, "ledger", "t-1", noticed_at)]
    assert details(owner) == [
        {"updated_at": age.get("updated_at", "Z")[:-1] or None, "version": age.get("version")}
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"amount": "2"}),
        ({"version": 1}, {"version": 1}),
        ({"version": 1}, {"version": 2, "amount": "2"}),
        ({"version": 1}, {"amount": "2"}),
        (
            {"updated_at": "2026-11-23T11:00:00Z"},
            {"updated_at": "2026-11-23T11:00:00Z", "version": 0, "amount": "2"},
        ),
    ],
)
def test_what_is_no_conflict(
    runtime: Runtime, owner: Owner, one: dict[str, Any], other: dict[str, Any]
) -> None:
    for first, second in permutations((one, other)):
        key = f"t-{len(first)}-{len(second)}"
        ingest(runtime, entry(1, key, **first))
        ingest(runtime, entry(2, key, **second))
    assert findings(owner) == []


def test_a_conflict_is_counted(runtime: Runtime) -> None:
    (result,) = ingest(runtime, entry(1, version=1), entry(2, version=1, amount="2"))
    assert result.conflicts == 1
    telemetry = runtime.telemetry
    assert isinstance(telemetry, KeptTelemetry)
    assert ("revision_conflicts", 1, {"stream": "ledger"}) in telemetry.metrics


def test_one_finding_per_place_however_often_the_event_comes(runtime: Runtime, owner: Owner) -> None:
    events = [entry(1, version=1), entry(2, version=1, amount="2")]
    for call in ([events[0]], [events[1]], [events[0]], events, events):
        ingest(runtime, *call)
    assert sorted(findings(owner)) == [(CONFLICT, "ledger", "t-1", 1), (CONFLICT, "ledger", "t-1", 2)]


def test_a_change_of_site_is_applied_and_kept_as_a_finding(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, order(1, version=1))
    assert outcomes(ingest(runtime, order(2, version=2, site_id="JP-TOKYO"))) == {"applied": 1}
    assert owner.execute("SELECT site_id FROM payment_orders").fetchall() == [("JP-TOKYO",)]
    assert findings(owner) == [(MOVED, "payment_order", "o-1", 2)]
    assert details(owner) == [{"from": "KR-SEOUL", "to": "JP-TOKYO"}]


def test_a_site_that_did_not_change_is_no_finding(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, entry(1, version=1, site_id="JP-TOKYO"))
    ingest(runtime, entry(2, version=2, site_id="JP-TOKYO", amount="2"))
    ingest(runtime, entry(3, version=3, site_id="JP-TOKYO", amount="2"))
    assert findings(owner) == []


def test_a_moved_revision_does_not_repeat_an_earlier_change_of_site(runtime: Runtime, owner: Owner) -> None:
    """The row remembers its last change of content; what only moves the revision must not report it again."""
    ingest(runtime, entry(1, version=1))
    ingest(runtime, entry(2, version=2, site_id="JP-TOKYO"))
    assert outcomes(ingest(runtime, entry(3, version=3, site_id="JP-TOKYO"))) == {"duplicate": 1}
    assert findings(owner) == [(MOVED, "ledger", "t-1", 2)]


def test_many_keys_of_one_batch_change_to_different_sites(runtime: Runtime, owner: Owner) -> None:
    first = [entry(n, f"t-{n}", version=1, site_id="KR-SEOUL") for n in (1, 2)]
    ingest(runtime, *first)
    ingest(
        runtime,
        Sent("ledger", 3, entry(3, "t-1", version=2, site_id="JP-TOKYO").body),
        Sent("ledger", 4, entry(4, "t-2", version=2, site_id="EU-PARIS").body),
        entry(5, "t-5", site_id="JP-TOKYO"),
    )
    found = sorted(
        (key, detail["from"], detail["to"])
        for key, detail in owner.execute("SELECT record_key, detail FROM sync_findings").fetchall()
    )
    assert found == [("t-1", "KR-SEOUL", "JP-TOKYO"), ("t-2", "KR-SEOUL", "EU-PARIS")]
