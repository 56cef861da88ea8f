"""What arrived: counts by outcome, the state of the pairs, and what the hubs hold beyond that."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

from sqlalchemy import text

from infra.local.stack.job import side_by_side
from shared.adapters.event_hubs import HubUnreachable, PartitionState
from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime

POLL_SECONDS = 0.25
_COUNTS = """
SELECT coalesce(sum(applied), 0), coalesce(sum(superseded), 0), coalesce(sum(duplicate), 0),
       coalesce(sum(dead_lettered), 0), coalesce(sum(redelivered), 0)
FROM stream_positions AS p
WHERE consumer_group = :consumer_group
  AND generation = (SELECT g.generation FROM hub_generations AS g WHERE g.hub = p.hub
                    ORDER BY g.seen_at DESC, g.generation DESC LIMIT 1)
"""
_PAIRS = """
SELECT count(*) FILTER (WHERE state = 'COMPLETE'), count(*) FILTER (WHERE state = 'INCOMPLETE'),
       count(*) FILTER (WHERE state = 'OPEN'), count(*) FILTER (WHERE anomalies <> '{}') FROM pairs
"""
# What a partition holds from its first to its last event, without what we received of it.
_MISSING = """
SELECT coalesce(sum(upper(part) - lower(part)), 0)
FROM unnest(int8multirange(int8range(:first, :last, '[]')) - coalesce((
    SELECT received FROM stream_positions AS p
    WHERE hub = :hub AND consumer_group = :consumer_group AND partition_id = :partition_id
      AND generation = (SELECT g.generation FROM hub_generations AS g WHERE g.hub = p.hub
                        ORDER BY g.seen_at DESC, g.generation DESC LIMIT 1)
), '{}')) AS part
"""

Heads = dict[str, list[PartitionState]]


@dataclass(frozen=True)
class Counts:
    """Distinct events by outcome, and how many came again."""

    applied: int = 0
    superseded: int = 0
    duplicate: int = 0
    dead_lettered: int = 0
    redelivered: int = 0

    @property
    def received(self) -> int:
        return self.applied + self.superseded + self.duplicate + self.dead_lettered

    def since(self, earlier: "Counts") -> "Counts":
        before = asdict(earlier)
        return Counts(**{name: value - before[name] for name, value in asdict(self).items()})


@dataclass(frozen=True)
class Pairs:
    complete: int
    incomplete: int
    open: int
    anomalous: int


def fetch_counts(runtime: Runtime) -> Counts:
    """All events received of the newest generation of every hub. Raises DatabaseUnavailable."""
    with runtime.database.statement() as connection:
        group = runtime.settings.event_consumer_group
        row = connection.execute(text(_COUNTS), {"consumer_group": group}).one()
    return Counts(*map(int, row))


def fetch_pairs(runtime: Runtime) -> Pairs:
    """Counted row by row: fine on one machine. Raises DatabaseUnavailable."""
    with runtime.database.statement() as connection:
        return Pairs(*connection.execute(text(_PAIRS)).one())


def fetch_heads(runtime: Runtime) -> Heads:
    """What every partition holds now. Raises HubUnreachable."""
    hubs = (runtime.settings.ledger_hub_name, runtime.settings.payment_order_hub_name)
    found = side_by_side(*(partial(runtime.hubs.partitions, hub) for hub in hubs))
    return dict(zip(hubs, found, strict=True))


def fetch_missing(runtime: Runtime, heads: Heads) -> int:
    """Events up to those heads that were not received yet. Raises DatabaseUnavailable."""
    missing = 0
    with runtime.database.reading() as connection:
        for hub, partitions in heads.items():
            for state in partitions:
                if state.last_sequence_number is not None:
                    place = {
                        "hub": hub,
                        "consumer_group": runtime.settings.event_consumer_group,
                        "partition_id": state.partition_id,
                        "first": state.first_sequence_number,
                        "last": state.last_sequence_number,
                    }
                    missing += int(connection.execute(text(_MISSING), place).scalar_one())
    return missing


def wait_until_accounted(
    runtime: Runtime,
    on_received: Callable[[Counts], None],
    cancelled: Callable[[], bool],
    patience_seconds: float,
) -> bool:
    """Wait until everything the hubs hold now is received; True when it is.

    False when nothing moved for `patience_seconds` or the wait was cancelled. While the hubs or the database are
    away the wait goes on.
    """
    heads: Heads | None = None
    best, deadline = -1, time.monotonic() + patience_seconds
    while not cancelled() and time.monotonic() < deadline:
        try:
            heads = heads or fetch_heads(runtime)
            counts = fetch_counts(runtime)
            on_received(counts)
            if counts.received > best:
                best, deadline = counts.received, time.monotonic() + patience_seconds
            if fetch_missing(runtime, heads) == 0:
                return True
        except (DatabaseUnavailable, HubUnreachable):
            pass
        time.sleep(POLL_SECONDS)
    return False
