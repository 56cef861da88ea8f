"""One call of every kind: what stood before, a batch in which everything happens, and what it leaves."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import psycopg

from shared.runtime import Runtime
from tests.support.oracle import Oracle, folded
from tests.support.sync_events import Sent, entry, ingest, order, outcomes
from tests.support.sync_state import assert_converged, received, totals

Owner = psycopg.Connection[Any]
BAD = (b"{}", b"\xff\xfe", b"[1")


def _entry(number: int, tx_id: str, **fields: Any) -> Sent:
    return entry(number, tx_id, partition_id="1", **fields)


def _order(number: int, order_id: str, **fields: Any) -> Sent:
    return order(number, order_id, partition_id="1", **fields)


BEFORE: tuple[Sent, ...] = (
    entry(1, "p-1", version=1),
    entry(2, "r-1", version=1, entry_type="RECEIVE"),
    entry(3, "p-2", version=1, related_id="o-2"),
    entry(4, "p-3", version=5, related_id="o-3"),
    entry(5, "p-5", version=1, related_id="o-5"),
    order(1, "o-1", version=1),
    order(2, "o-3", version=1),
    order(3, "o-4", version=3),
)
# Of a partition nobody has met yet, so that its generation and position are made on the way.
SOUND: tuple[Sent, ...] = (
    _entry(11, "p-1", version=2, amount="11"),
    _entry(12, "p-1", version=1, amount="9"),
    _entry(13, "p-3", version=4, related_id="o-3", amount="12"),
    _entry(14, "r-1", version=1, entry_type="RECEIVE"),
    _entry(15, "p-2", version=2, related_id="o-6"),
    _entry(16, "p-5", version=1, related_id="o-5", amount="99"),
    _entry(17, "r-2", entry_type="RECEIVE", related_id="o-2"),
    _entry(18, "p-1", version=2, amount="11"),
    _order(11, "o-1", version=2, status="SETTLED"),
    _order(12, "o-4", version=2, status="FAILED"),
    _order(13, "o-3", version=1),
    _order(14, "o-6"),
    _order(15, "o-3", version=1, status="CANCELLED", amount="7"),
)
REFUSED: tuple[Sent, ...] = (
    Sent("ledger", 19, BAD[0], "1"),
    Sent("ledger", 20, BAD[1], "1"),
    _entry(21, "p-9", site_id="NOWHERE"),
    Sent("payment_order", 16, BAD[2], "1"),
)
# A number that stands twice counts once, and once as redelivered.
BATCH: tuple[Sent, ...] = (*SOUND[:9], *REFUSED, *SOUND[9:], SOUND[0])

CLEAR = """
SET session_replication_role = replica;
DELETE FROM ledger_entries; DELETE FROM payment_orders; DELETE FROM pairs; DELETE FROM applied_records;
DELETE FROM dead_letters; DELETE FROM sync_findings; DELETE FROM stream_positions; DELETE FROM hub_generations;
RESET session_replication_role
"""
# What a call may write besides the positions, each with what identifies a row and its content.
ROWS = {
    "ledger_entries": "SELECT tx_id, content_digest, enqueued_at FROM ledger_entries",
    "payment_orders": "SELECT order_id, content_digest, enqueued_at FROM payment_orders",
    "pairs": "SELECT order_id, state, payment_tx_id, receive_tx_id, order_status, anomalies::text FROM pairs",
    "applied_records": "SELECT record_key, is_order, sequence_number, content_digest FROM applied_records",
    "dead_letters": "SELECT stream, partition_id, sequence_number, error_code, body FROM dead_letters",
    "sync_findings": "SELECT kind, stream, record_key, sequence_number FROM sync_findings",
}


class Footprint(NamedTuple):
    """All that calls have left: rows, counts by outcome, and how many numbers were received."""

    rows: dict[str, list[tuple[Any, ...]]]
    counts: dict[str, int]
    received: int


def footprint(owner: Owner) -> Footprint:
    """What stands now, in no particular order of its coming."""
    rows = {table: sorted(owner.execute(query).fetchall()) for table, query in ROWS.items()}
    return Footprint(rows, totals(owner), received(owner))


def prepare(runtime: Runtime, owner: Owner) -> Footprint:
    """Begin anew with what stood before; its footprint."""
    owner.execute(CLEAR)
    ingest(runtime, *BEFORE)
    return footprint(owner)


class Undisturbed:
    """What the batch leads to when nothing happens: by the fold of the events, and by a run that was left alone."""

    def __init__(self, runtime: Runtime, owner: Owner) -> None:
        self.oracle = folded((*BEFORE, *SOUND))
        prepare(runtime, owner)
        self.outcomes = outcomes(ingest(runtime, *BATCH))
        told = Oracle()
        told.take(BEFORE)
        # The refused are no matter of the fold, nor is a repeated one a second event.
        expected = {**told.take((*SOUND, SOUND[0])), "dead_lettered": len(REFUSED)}
        assert self.outcomes == expected
        self.footprint = footprint(owner)
        self.check(owner, committed_before=False)

    def check(self, owner: Owner, *, committed_before: bool) -> None:
        """The batch has come to its end once, or a second time after the first had committed.

        A second time may add observations, and counts as redelivered.
        """
        assert_converged(owner, self.oracle)
        found = footprint(owner)
        again = len(BATCH) if committed_before else 0
        counts = {**self.footprint.counts, "redelivered": self.footprint.counts["redelivered"] + again}
        assert found.counts == counts
        assert found.received == self.footprint.received == len(_distinct((*BEFORE, *BATCH)))
        for table, rows in self.footprint.rows.items():
            if table == "sync_findings" and committed_before:
                assert set(found.rows[table]) >= set(rows)
            else:
                assert found.rows[table] == rows, table


def _distinct(sent: Sequence[Sent]) -> set[tuple[str, str, int]]:
    return {(each.stream, each.partition_id, each.sequence_number) for each in sent}
