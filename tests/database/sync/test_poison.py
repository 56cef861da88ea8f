"""Exactly the bad event becomes a dead letter, with its bytes and its reason; its neighbours commit."""

import hashlib
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from shared.errors.catalog import entry_of
from shared.runtime import Runtime
from shared.sync.events.contract import Stream
from tests.support.poison import POISON
from tests.support.sync_events import Sent, entry, ingest, outcomes
from tests.support.sync_state import totals

Owner = psycopg.Connection[Any]


def letters(owner: Owner) -> dict[int, dict[str, Any]]:
    with owner.cursor(row_factory=dict_row) as cursor:
        return {r["sequence_number"]: r for r in cursor.execute("SELECT * FROM dead_letters").fetchall()}


def test_all_poison_in_one_batch_among_sound_neighbours(runtime: Runtime, owner: Owner) -> None:
    events: list[Sent] = []
    for number, poison in enumerate(POISON):
        events += [Sent("ledger", 2 * number, poison.body), entry(2 * number + 1, f"t-{number}")]
    (result,) = ingest(runtime, *events)
    assert outcomes([result]) == {"applied": len(POISON), "dead_lettered": len(POISON)}
    assert owner.execute("SELECT count(*) FROM ledger_entries").fetchone() == (len(POISON),)
    found = letters(owner)
    assert found.keys() == {2 * number for number in range(len(POISON))}
    for number, poison in enumerate(POISON):
        letter = found[2 * number]
        assert (letter["error_code"], letter["error_field"]) == (poison.code, poison.field), poison.name
        assert letter["body"] == poison.body
        assert letter["body_sha256"] == hashlib.sha256(poison.body).digest()
        assert letter["error_detail"]
        assert entry_of(letter["error_code"])
    assert totals(owner) == {"applied": len(POISON), "dead_lettered": len(POISON)}


STREAMS: tuple[Stream, ...] = ("ledger", "payment_order")


@pytest.mark.parametrize("stream", STREAMS)
def test_an_entry_is_no_order_and_an_order_no_entry(runtime: Runtime, owner: Owner, stream: Stream) -> None:
    """Both hubs refuse what was meant for the other one, because its key is missing."""
    body = {"order_id": "o-1", "amount": "1", "status": "CREATED", "created_at": "2026-11-23T10:00:00Z"}
    other = entry(1).body if stream == "payment_order" else body
    assert outcomes(ingest(runtime, Sent(stream, 1, other))) == {"dead_lettered": 1}
    (letter,) = letters(owner).values()
    assert letter["error_field"] == ("tx_id" if stream == "ledger" else "order_id")
