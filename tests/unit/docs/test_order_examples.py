"""The worked examples of the total order, through the use case on a real database."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import text

from shared.runtime import Runtime
from shared.sync.ingest_events import ingest_events
from shared.sync.model import Event, EventBatch
from tests.support.runtime import NOON
from tests.unit.docs.markdown import DOCS, table_under

ROWS = table_under(DOCS / "event-contract.md", "Worked examples")
COMMON = {"order_id": "ord-1", "amount": "5", "created_at": "2026-11-20T10:00:00Z"}


def events(row: list[str]) -> Iterator[bytes]:
    for cell in row[:2]:
        yield json.dumps({**COMMON, **json.loads(cell.strip("`"))}).encode()


def take(runtime: Runtime, body: bytes, number: int) -> str:
    """The outcome of one event, taken alone."""
    event = Event(body, number, NOON - timedelta(minutes=9 - number))
    batch = EventBatch("payment_order", "payment.order.upserted", "counterfoil", "0", [event])
    (result,) = ingest_events(runtime, [batch])
    (outcome,) = (outcome for outcome, count in result.events.items() if count)
    return str(outcome)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[3])
def test_an_event_counts_as_the_page_says(runtime: Runtime, row: list[str]) -> None:
    stands, arrives = events(row)
    assert take(runtime, stands, 0) == "applied"
    assert take(runtime, arrives, 1) == row[2]
    newer = arrives if row[2] == "applied" else stands
    with runtime.database.statement() as connection:
        status = connection.execute(text("SELECT status FROM payment_orders")).scalar_one()
        findings = connection.execute(text("SELECT count(*) FROM sync_findings")).scalar_one()
    assert status == json.loads(newer)["status"]
    assert bool(findings) is ("REVISION_CONFLICT" in row[3])


def test_every_outcome_but_dead_lettered_has_an_example() -> None:
    assert {row[2] for row in ROWS} == {"applied", "duplicate", "superseded"}
