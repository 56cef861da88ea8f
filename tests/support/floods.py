"""Batches with chosen shares of bad events."""

from typing import Any

import psycopg

from tests.support.refused_rows import sound
from tests.support.sync_events import Sent

Owner = psycopg.Connection[Any]
CODE = "SYNC_REJECT_FLOOD"


def bad(number: int, partition_id: str = "0") -> Sent:
    """An event no contract takes."""
    return Sent("ledger", number, b"{}", partition_id)


def batch(first: int, bad_events: int, sound_events: int, partition_id: str = "0") -> list[Sent]:
    """Bad events, then sound ones, numbered in a row."""
    middle = first + bad_events
    return [
        *(bad(number, partition_id) for number in range(first, middle)),
        *(sound(number, partition_id=partition_id) for number in range(middle, middle + sound_events)),
    ]


def alerts(owner: Owner) -> list[dict[str, Any]]:
    """What the alerts of floods say."""
    rows = owner.execute(
        "SELECT payload FROM outbox WHERE kind = 'ALERT' AND payload ->> 'code' = %s ORDER BY outbox_id",
        (CODE,),
    )
    return [row[0] for row in rows.fetchall()]


def stored(owner: Owner) -> tuple[int, int]:
    """How many entries and how many dead letters there are."""
    row = owner.execute(
        "SELECT (SELECT count(*) FROM ledger_entries), (SELECT count(*) FROM dead_letters)"
    ).fetchone()
    assert row is not None
    return row[0], row[1]
