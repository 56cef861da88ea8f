"""Positions and partitions as the account reads them, written straight into a database."""

from datetime import datetime
from typing import Any

import psycopg

from shared.adapters.event_hubs import PartitionState
from tests.support.runtime import NOON

LEDGER_HUB = "ledger.entry.upserted"
ORDER_HUB = "payment.order.upserted"
STREAMS = {LEDGER_HUB: "ledger", ORDER_HUB: "payment_order"}
_POSITION = """
INSERT INTO stream_positions (stream, hub, generation, consumer_group, partition_id, received, last_enqueued_at,
                              applied, superseded, duplicate, dead_lettered, redelivered, updated_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now())
ON CONFLICT (hub, generation, consumer_group, partition_id) DO UPDATE SET received = EXCLUDED.received,
       applied = EXCLUDED.applied
"""


def add_generation(connection: psycopg.Connection[Any], hub: str, generation: int = 1) -> None:
    """A hub as it was made for the n-th time."""
    connection.execute(
        "INSERT INTO hub_generations VALUES (%s, %s, make_timestamptz(2026, 1, %s, 0, 0, 0), now())",
        [hub, generation, generation],
    )


def set_position(
    connection: psycopg.Connection[Any],
    hub: str,
    received: str,
    counts: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0),
    *,
    generation: int = 1,
    group: str = "counterfoil",
    partition: str = "0",
    enqueued_at: datetime | None = NOON,
) -> None:
    """`received` is a multirange of sequence numbers; counts are applied, superseded, duplicate, dead-lettered and
    redelivered."""
    place = (STREAMS[hub], hub, generation, group, partition)
    connection.execute(_POSITION, [*place, received, enqueued_at, *counts])


def partition(first: int | None, last: int | None, partition_id: str = "0") -> PartitionState:
    """A partition as the broker describes it."""
    return PartitionState(partition_id, first, last, NOON if last is not None else None)
