"""An event that comes alone: one call where it is an ordinary one, and never another result than the ordinary way's."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.counted import counted
from tests.support.migrated import app_url, libpq, prepare_migrated
from tests.support.oracle import folded
from tests.support.postgres import SharedPostgres
from tests.support.refused_rows import REFUSED, forbid_wallet
from tests.support.runtime import runtime_for
from tests.support.sync_events import Sent, entry, ingest, order, outcomes
from tests.support.sync_state import assert_converged, received, totals

Owner = psycopg.Connection[Any]
ORDINARY = [
    entry(2),
    entry(2, related_id=""),
    entry(2, entry_type="REFUND_OUT", related_type="MERCHANT"),
    entry(2, entry_type="RECEIVE"),
    order(2, "o-7"),
    entry(2, "t-known", version=2, amount="8"),
]


@pytest.fixture
def known(runtime: Runtime) -> Runtime:
    """Both partitions are known, and one entry."""
    ingest(runtime, entry(1, "t-known", version=1))
    ingest(runtime, order(1, "o-known"))
    return runtime


@pytest.mark.parametrize("sent", ORDINARY)
def test_an_ordinary_event_is_one_call(known: Runtime, sent: Sent) -> None:
    assert isinstance(sent.body, dict)
    newer = replace(sent, sequence_number=3, body={**sent.body, "version": 9, "amount": "9"})
    with counted(known) as (mine, counts):
        assert outcomes(ingest(mine, sent)) == {"applied": 1}
        # The first call of a session makes its routine.
        counts.clear()
        assert outcomes(ingest(mine, newer)) == {"applied": 1}
    assert (counts["begin"], counts["statements"]) == (0, 1)


@pytest.mark.parametrize(
    ("sent", "outcome"),
    [
        (entry(1, "t-known", version=1), "redelivered"),
        (entry(2, "t-known", version=1), "duplicate"),
        (entry(2, "t-known", version=2, related_id="o-2"), "applied"),
        (entry(2, "t-known", version=2, site_id="JP-TOKYO"), "applied"),
        (entry(2, "t-known", version=0, amount="3"), "superseded"),
        (entry(2, "t-known", version=1, amount="3"), "applied"),
        (entry(2, site_id="XX-NOWHERE"), "dead_lettered"),
        (entry(2, amount="-1"), "dead_lettered"),
        (entry(2, partition_id="3"), "applied"),
        (order(2, "o-known", status="SETTLED"), "applied"),
    ],
)
def test_any_other_event_ends_as_it_would(known: Runtime, owner: Owner, sent: Sent, outcome: str) -> None:
    assert outcomes(ingest(known, sent)) == {outcome: 1}
    events = [entry(1, "t-known", version=1), order(1, "o-known"), sent]
    assert_converged(owner, folded([each for each in events if outcome != "dead_lettered" or each != sent]))


def test_a_row_the_database_refuses_is_quarantined(known: Runtime, owner: Owner) -> None:
    forbid_wallet(owner)
    assert outcomes(ingest(known, entry(2, wallet_id=REFUSED))) == {"dead_lettered": 1}
    codes = owner.execute("SELECT error_code FROM dead_letters").fetchall()
    assert codes == [("SYNC_ROW_REFUSED",)]


def test_a_role_without_temporary_objects_goes_the_ordinary_way(known: Runtime, owner: Owner) -> None:
    name = owner.info.dbname
    owner.execute(f'REVOKE TEMPORARY ON DATABASE "{name}" FROM PUBLIC')
    other = runtime_for(known.settings.database_url)
    try:
        assert outcomes(ingest(other, entry(2))) == {"applied": 1}
    finally:
        other.database.dispose()
    assert_converged(owner, folded([entry(1, "t-known", version=1), order(1, "o-known"), entry(2)]))


def _history(chance: Random, length: int) -> Iterator[Sent]:
    """Events one by one, some of them again; numbers grow with gaps."""
    numbers = {"ledger": 0, "payment_order": 0}
    last: dict[str, Sent] = {}
    for _ in range(length):
        stream = chance.choice(list(numbers))
        if stream not in last or chance.random() > 0.2:
            numbers[stream] += chance.choice([1, 1, 2])
            last[stream] = _event(chance, stream, numbers[stream])
        yield last[stream]


def _event(chance: Random, stream: str, number: int) -> Sent:
    fields: dict[str, Any] = {
        "version": chance.choice([0, 1, 2, 3]),
        "amount": chance.choice(["10", "11"]),
        "site_id": chance.choice(["KR-SEOUL", "KR-SEOUL", "JP-TOKYO", "XX-NOWHERE"]),
    }
    name = f"o-{chance.randrange(3)}"
    if stream == "payment_order":
        return order(number, name, status=chance.choice(["CREATED", "SETTLED"]), **fields)
    fields["entry_type"] = chance.choice(["PAYMENT", "RECEIVE", "FEE"])
    return entry(number, f"t-{chance.randrange(5)}", related_id=chance.choice([name, ""]), **fields)


ROWS = (
    "SELECT record_key, sequence_number, order_status, content_digest FROM applied_records ORDER BY 1, 2",
    "SELECT kind, stream, record_key, sequence_number, detail::text FROM sync_findings ORDER BY 1, 2, 3, 4",
    "SELECT stream, received::text, applied, superseded, duplicate, dead_lettered, redelivered, records_applied,"
    " last_enqueued_at, newest_event_at, site_times::text FROM stream_positions ORDER BY 1",
    "SELECT order_id, state, anomalies, payment_tx_id, receive_tx_id, time_to_complete_seconds FROM pairs ORDER BY 1",
    "SELECT tx_id, version, sequence_number, amount, site_id, last_change FROM ledger_entries ORDER BY 1",
)


@pytest.mark.parametrize("seed", range(8))
def test_both_ways_end_in_the_same_rows(postgres: SharedPostgres, seed: int) -> None:
    """Every row of either way, event by event, is that of the other; only the place of the clock may differ."""
    events = list(_history(Random(seed), 60))
    found = []
    for prepare in ("true", "false"):
        with postgres.create_database_from("migrated", prepare_migrated) as clone:
            runtime = runtime_for(app_url(clone), DATABASE_PREPARE=prepare)
            told = [outcomes(ingest(runtime, sent)) for sent in events]
            runtime.database.dispose()
            with psycopg.connect(libpq(clone.url), autocommit=True) as owner:
                rows = [owner.execute(each).fetchall() for each in ROWS]
                found.append((told, rows, totals(owner), received(owner)))
    assert found[0] == found[1]
