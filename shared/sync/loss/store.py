"""The SQL of the loss proof. Ranges of sequence numbers are read and written as multiranges."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from shared.database.database import driver
from shared.sync.loss.model import Extent, Gap, GapState, Head, Range, Ranges, joined


class Standing(NamedTuple):
    """All that is known of one partition of one generation of a hub. `is_current` tells the generation of today."""

    position_id: int
    stream: str
    hub: str
    generation: int
    partition_id: str
    received: Ranges
    last_enqueued_at: datetime | None
    newest_event_at: datetime | None
    applied: int
    superseded: int
    duplicate: int
    dead_lettered: int
    redelivered: int
    hub_created_at: datetime
    is_current: bool

    @property
    def high_water(self) -> int | None:
        """The highest number received."""
        return self.received[-1][1] if self.received else None


class Place(NamedTuple):
    """A partition of one generation of a hub."""

    hub: str
    generation: int
    partition_id: str


# The lock under which gaps are found and moved: of two watches at once, the second sees what the first wrote.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('sequence_gaps', 0))"


def lock_gaps(connection: Connection) -> None:
    """Wait until nobody else is finding gaps; the lock ends with the transaction."""
    driver(connection).execute(_LOCK)


_STANDINGS = """
SELECT p.position_id, p.stream, p.hub, p.generation, p.partition_id, p.received, p.last_enqueued_at,
       p.newest_event_at, p.applied, p.superseded, p.duplicate, p.dead_lettered, p.redelivered, g.hub_created_at,
       p.generation = (SELECT n.generation FROM hub_generations AS n WHERE n.hub = p.hub
                       ORDER BY n.seen_at DESC, n.generation DESC LIMIT 1)
FROM stream_positions AS p
JOIN hub_generations AS g ON g.hub = p.hub AND g.generation = p.generation
WHERE p.consumer_group = %s
ORDER BY p.stream, p.hub, p.generation, length(p.partition_id), p.partition_id
"""


def list_standings(connection: Connection, consumer_group: str) -> list[Standing]:
    """Every partition of every generation that was read through the group."""
    rows = driver(connection).execute(_STANDINGS, (consumer_group,)).fetchall()
    return [Standing._make((*row[:5], _ranges(row[5]), *row[6:])) for row in rows]


class GapRecord(NamedTuple):
    """A gap with everything that happened to it."""

    gap: Gap
    found_at: datetime
    expired_at: datetime | None
    closed_at: datetime | None
    accepted_at: datetime | None
    accepted_by: str | None
    accepted_reason: str | None
    replayed_at: datetime | None
    replayed_by: str | None
    replayed_reason: str | None


_GAPS = """
SELECT g.gap_id, g.position_id, g.first_number, g.last_number, g.missing, g.expired, g.state, g.found_at,
       g.expired_at, g.closed_at, g.accepted_at, g.accepted_by, g.accepted_reason, g.replayed_at, g.replayed_by,
       g.replayed_reason
FROM stream_positions AS p
CROSS JOIN LATERAL (
    (SELECT * FROM sequence_gaps AS s WHERE s.position_id = p.position_id AND s.state <> 'CLOSED')
    UNION ALL
    (SELECT * FROM sequence_gaps AS c WHERE c.position_id = p.position_id AND c.state = 'CLOSED'
     ORDER BY c.first_number DESC LIMIT %s)
) AS g
WHERE p.consumer_group = %s
ORDER BY g.position_id, g.first_number
"""


def list_gaps(connection: Connection, consumer_group: str, closed_max: int = 0) -> list[GapRecord]:
    """The gaps that stand in what the group received, and so many closed ones per partition, highest numbers first."""
    rows = driver(connection).execute(_GAPS, (closed_max, consumer_group)).fetchall()
    return [GapRecord._make((_gap(row[:7]), *row[7:])) for row in rows]


def _gap(row: Sequence[Any]) -> Gap:
    gap_id, position_id, first, last, missing, expired, state = row
    return Gap(gap_id, position_id, first, last, _ranges(missing), _ranges(expired), GapState(state))


_INSERT_GAP = """
INSERT INTO sequence_gaps (position_id, first_number, last_number, missing, found_at)
VALUES (%s, %s, %s, %s::int8multirange, %s)
ON CONFLICT (position_id, first_number) DO NOTHING
RETURNING gap_id
"""


def insert_gap(connection: Connection, position_id: int, hole: Range, now: datetime) -> Gap | None:
    """An OPEN gap for a hole; None when one stands there already."""
    values = (position_id, *hole, multirange_text((hole,)), now)
    row = driver(connection).execute(_INSERT_GAP, values).fetchone()
    return None if row is None else Gap(row[0], position_id, *hole, (hole,), (), GapState.OPEN)


_MOVE_GAP = """
UPDATE sequence_gaps SET
    missing = %(missing)s::int8multirange,
    expired = %(expired)s::int8multirange,
    state = %(to)s,
    expired_at = CASE WHEN %(to)s = 'EXPIRED' THEN coalesce(expired_at, %(now)s) ELSE expired_at END,
    closed_at = CASE WHEN %(to)s = 'CLOSED' THEN %(now)s END
WHERE gap_id = %(gap_id)s AND state = %(from)s
"""


def move_gap(connection: Connection, gap: Gap, before: GapState, now: datetime) -> bool:
    """Write a gap after another look, unless somebody moved it meanwhile."""
    values = {
        "gap_id": gap.gap_id,
        "from": before.value,
        "to": gap.state.value,
        "missing": multirange_text(gap.missing),
        "expired": multirange_text(gap.expired),
        "now": now,
    }
    return bool(driver(connection).execute(_MOVE_GAP, values).rowcount)


_LOCK_GAP = """
SELECT gap_id, position_id, first_number, last_number, missing, expired, state FROM sequence_gaps
WHERE gap_id = %s FOR UPDATE
"""


def lock_gap(connection: Connection, gap_id: int) -> Gap | None:
    """The gap of that number, held to the end of the transaction."""
    row = driver(connection).execute(_LOCK_GAP, (gap_id,)).fetchone()
    return None if row is None else _gap(row)


_ACCEPT_GAP = """
UPDATE sequence_gaps SET state = 'ACCEPTED', accepted_at = %s, accepted_by = %s, accepted_reason = %s
WHERE gap_id = %s AND state IN ('OPEN', 'EXPIRED')
"""


def accept_gap(connection: Connection, gap_id: int, who: str, reason: str, now: datetime) -> bool:
    """Let a person's decision stand on a gap that is open or expired."""
    return bool(driver(connection).execute(_ACCEPT_GAP, (now, who, reason, gap_id)).rowcount)


_NOTE_REPLAY = """
UPDATE sequence_gaps SET replayed_at = %s, replayed_by = %s, replayed_reason = %s
WHERE position_id = %s AND state <> 'CLOSED' AND missing && %s::int8multirange
"""


def note_replay(
    connection: Connection, position_id: int, ranges: Ranges, who: str, reason: str, now: datetime
) -> None:
    """Say on the gaps in question who began to read them again, when and why."""
    driver(connection).execute(_NOTE_REPLAY, (now, who, reason, position_id, multirange_text(ranges)))


_HEADS = """
SELECT hub, generation, partition_id, own_number, moved_at, behind_since FROM partition_heads
WHERE consumer_group = %s
"""


def list_heads(connection: Connection, consumer_group: str) -> dict[Place, Head]:
    """Where every partition stood at the last look."""
    rows = driver(connection).execute(_HEADS, (consumer_group,)).fetchall()
    return {Place(*row[:3]): Head(*row[3:]) for row in rows}


_UPSERT_HEAD = """
INSERT INTO partition_heads AS h (hub, generation, consumer_group, partition_id, own_number, moved_at, behind_since,
    hub_first_number, hub_last_number, hub_last_enqueued_at, asked_at, looked_at)
VALUES (%(hub)s, %(generation)s, %(consumer_group)s, %(partition_id)s, %(own)s, %(moved_at)s, %(behind_since)s,
    %(first)s, %(last)s, %(last_enqueued_at)s, CASE WHEN %(asked)s THEN %(now)s::timestamptz END, %(now)s)
ON CONFLICT (hub, generation, consumer_group, partition_id) DO UPDATE SET
    own_number = excluded.own_number, moved_at = excluded.moved_at, behind_since = excluded.behind_since,
    looked_at = excluded.looked_at, asked_at = coalesce(excluded.asked_at, h.asked_at),
    hub_first_number = CASE WHEN %(asked)s THEN excluded.hub_first_number ELSE h.hub_first_number END,
    hub_last_number = CASE WHEN %(asked)s THEN excluded.hub_last_number ELSE h.hub_last_number END,
    hub_last_enqueued_at = CASE WHEN %(asked)s THEN excluded.hub_last_enqueued_at ELSE h.hub_last_enqueued_at END
"""


def upsert_heads(
    connection: Connection,
    consumer_group: str,
    heads: Mapping[Place, tuple[Head, Extent | None]],
    now: datetime,
) -> None:
    """Keep where every partition stands now, and what the hub said; what it did not say stays as it was."""
    nothing = Extent(None, None, None)
    driver(connection).cursor().executemany(
        _UPSERT_HEAD,
        [
            {
                **place._asdict(),
                "consumer_group": consumer_group,
                "own": head.own,
                "moved_at": head.moved_at,
                "behind_since": head.behind_since,
                "first": (extent or nothing).first,
                "last": (extent or nothing).last,
                "last_enqueued_at": (extent or nothing).last_enqueued_at,
                "asked": extent is not None,
                "now": now,
            }
            for place, (head, extent) in sorted(heads.items())
        ],
    )


class ToldExtent(NamedTuple):
    """What the hub last said it holds of a partition, and when it was asked."""

    extent: Extent
    asked_at: datetime


_TOLD = """
SELECT hub, generation, partition_id, hub_first_number, hub_last_number, hub_last_enqueued_at, asked_at
FROM partition_heads WHERE consumer_group = %s AND asked_at IS NOT NULL
"""


def list_told_extents(connection: Connection, consumer_group: str) -> dict[Place, ToldExtent]:
    """What every partition's hub said when the watch last reached it."""
    rows = driver(connection).execute(_TOLD, (consumer_group,)).fetchall()
    return {Place(*row[:3]): ToldExtent(Extent(*row[3:6]), row[6]) for row in rows}


class SiteActivity(NamedTuple):
    """An active site somebody waits for: how long it may be silent, and its newest event, if ever one came."""

    site_id: str
    silence_window_seconds: int
    newest_enqueued_at: datetime | None


_SITES = """
SELECT s.site_id, s.silence_window_seconds, max((p.site_times ->> s.site_id || 'Z')::timestamptz)
FROM sites AS s LEFT JOIN stream_positions AS p ON p.consumer_group = %s AND p.site_times ? s.site_id
WHERE s.is_active AND s.silence_window_seconds IS NOT NULL
GROUP BY s.site_id, s.silence_window_seconds
ORDER BY s.site_id
"""


def list_site_activity(connection: Connection, consumer_group: str) -> list[SiteActivity]:
    """The sites that are waited for, over all partitions and generations."""
    rows = driver(connection).execute(_SITES, (consumer_group,)).fetchall()
    return [SiteActivity(*row) for row in rows]


def lock_hub(connection: Connection, hub: str) -> None:
    """Wait until nobody else is registering the hub; the lock ends with the transaction."""
    driver(connection).execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (hub,))


class Generation(NamedTuple):
    """A hub as it was made once."""

    generation: int
    hub_created_at: datetime


def fetch_current_generation(connection: Connection, hub: str) -> Generation | None:
    """The generation the hub last said it is."""
    row = (
        driver(connection)
        .execute(
            "SELECT generation, hub_created_at FROM hub_generations WHERE hub = %s"
            " ORDER BY seen_at DESC, generation DESC LIMIT 1",
            (hub,),
        )
        .fetchone()
    )
    return None if row is None else Generation(*row)


def insert_generation(connection: Connection, hub: str, created_at: datetime, now: datetime) -> int:
    """The number of the hub's generation with this creation time, a new one if it was not known.

    It is the present one from now on, also when it is an older one that came back: the one seen last.
    """
    statement = text("""
        INSERT INTO hub_generations (hub, generation, hub_created_at, seen_at)
        SELECT :hub, coalesce(max(generation), 0) + 1, :created_at, :now FROM hub_generations WHERE hub = :hub
        ON CONFLICT DO NOTHING
    """)
    values = {"hub": hub, "created_at": created_at, "now": now}
    # Two processes that meet a new hub at once: one inserts, the other finds the row in the second look.
    lock_hub(connection, hub)
    find = text("SELECT generation FROM hub_generations WHERE hub = :hub AND hub_created_at = :created_at")
    known = connection.execute(find, values).scalar()
    if known is None:
        connection.execute(statement, values)
        known = connection.execute(find, values).scalar_one()
    # Another process's clock may be ahead: the one that is present now is the newest seen, whatever the clocks say.
    connection.execute(
        text("""
            UPDATE hub_generations SET seen_at = greatest(:now, (
                SELECT max(seen_at) + interval '1 microsecond' FROM hub_generations WHERE hub = :hub))
            WHERE hub = :hub AND generation = :known AND generation <> (
                SELECT generation FROM hub_generations WHERE hub = :hub
                ORDER BY seen_at DESC, generation DESC LIMIT 1)
        """),
        {**values, "known": known},
    )
    return int(known)


def multirange_text(ranges: Ranges) -> str:
    """Ranges as the text of a multirange: {[3,7],[9,9]}."""
    return "{" + ",".join(f"[{first},{last}]" for first, last in ranges) + "}"


def _ranges(value: Iterable[Any]) -> Ranges:
    """What the driver makes of a multirange of whole numbers."""
    return joined((each.lower, each.upper - 1) for each in value)


def ranges_json(ranges: Ranges) -> list[Sequence[int]]:
    """Ranges as they are shown: [[3, 7], [9, 9]]."""
    return [list(each) for each in ranges]
