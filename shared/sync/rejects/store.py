"""The SQL of the flood guard and of its ceilings.

Which ceiling holds: of those valid now and not taken back, one for the partition goes before one for all partitions,
then the one raised last. A row without a share takes back the earlier ones of exactly its scope.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from shared.database.database import driver
from shared.sync.rejects.model import Ceiling, Raise, Scope, Span, Why

_RECEIVED = """
SELECT number FROM stream_positions, unnest(%s::bigint[]) AS number WHERE position_id = %s AND received @> number
"""


def list_received(connection: Connection, position_id: int | None, numbers: Sequence[int]) -> set[int]:
    """Which of these sequence numbers the partition holds already."""
    rows = driver(connection).execute(_RECEIVED, (list(numbers), position_id)).fetchall()
    return {row[0] for row in rows}


_VALID = """
SELECT ceiling_id, stream, hub, partition_id, share, valid_from, valid_until, reason, set_by
FROM reject_ceilings AS c
WHERE share IS NOT NULL AND valid_from <= %(now)s AND valid_until > %(now)s AND NOT EXISTS (
    SELECT FROM reject_ceilings AS later
    WHERE later.share IS NULL AND later.ceiling_id > c.ceiling_id AND later.stream = c.stream
      AND later.hub = c.hub AND later.partition_id IS NOT DISTINCT FROM c.partition_id)
"""


def fetch_reject_ceiling(connection: Connection, scope: Scope, now: datetime) -> Ceiling | None:
    """The ceiling that holds for a partition now."""
    statement = f"""
    {_VALID} AND stream = %(stream)s AND hub = %(hub)s
      AND (partition_id IS NULL OR partition_id = %(partition_id)s)
    ORDER BY partition_id IS NULL, ceiling_id DESC LIMIT 1
    """
    row = driver(connection).execute(statement, {**scope._asdict(), "now": now}).fetchone()
    return Ceiling(*row) if row else None


def list_reject_ceilings(connection: Connection, now: datetime) -> list[Ceiling]:
    """Every ceiling that is valid now, by scope, in each the one raised last first."""
    statement = f"{_VALID} ORDER BY stream, hub, partition_id NULLS FIRST, ceiling_id DESC"
    return [Ceiling(*row) for row in driver(connection).execute(statement, {"now": now}).fetchall()]


def insert_reject_ceiling(
    connection: Connection, scope: Scope, wanted: Raise, why: Why, now: datetime
) -> Ceiling:
    """Raise a ceiling from now on."""
    rows = driver(connection).execute(
        """
        INSERT INTO reject_ceilings (stream, hub, partition_id, share, valid_from, valid_until, reason, set_by,
                                     created_at)
        VALUES (%(stream)s, %(hub)s, %(partition_id)s, %(share)s, %(now)s, %(until)s, %(reason)s, %(by)s, %(now)s)
        RETURNING ceiling_id, stream, hub, partition_id, share, valid_from, valid_until, reason, set_by
        """,
        {
            **scope._asdict(),
            **why._asdict(),
            "share": wanted.share,
            "now": now,
            "until": now + wanted.lasts,
        },
    )
    return Ceiling(*rows.fetchall()[0])


def insert_ceiling_end(connection: Connection, scope: Scope, why: Why, now: datetime) -> None:
    """Take back every ceiling of exactly this scope."""
    driver(connection).execute(
        """
        INSERT INTO reject_ceilings (stream, hub, partition_id, valid_from, reason, set_by, created_at)
        VALUES (%(stream)s, %(hub)s, %(partition_id)s, %(now)s, %(reason)s, %(by)s, %(now)s)
        """,
        {**scope._asdict(), **why._asdict(), "now": now},
    )


def list_partitions(connection: Connection, hub: str, consumer_group: str) -> list[str]:
    """The partitions we have met, in any generation of the hub."""
    rows = driver(connection).execute(
        "SELECT DISTINCT partition_id FROM stream_positions WHERE hub = %s AND consumer_group = %s ORDER BY 1",
        (hub, consumer_group),
    )
    return [row[0] for row in rows.fetchall()]


_HELD = """
SELECT told.* FROM unnest(%(hubs)s::text[], %(generations)s::integer[], %(partitions)s::text[], %(firsts)s::bigint[],
                          %(lasts)s::bigint[]) AS told (hub, generation, partition_id, first_number, last_number)
JOIN stream_positions AS p USING (hub, generation, partition_id)
WHERE p.consumer_group = %(consumer_group)s
  AND (isempty(p.received) OR NOT p.received @> told.first_number AND told.last_number >= upper(p.received))
  AND told.generation = (SELECT g.generation FROM hub_generations AS g WHERE g.hub = told.hub
                         ORDER BY g.seen_at DESC, g.generation DESC LIMIT 1)
"""


def list_held(connection: Connection, consumer_group: str, spans: Sequence[Span]) -> set[Span]:
    """Which of these floods a stream still stands before, in the hubs' present generations.

    It does as long as the first event was not received, nor any at or past the last: it may have been set back into
    an old hole, but it has not gone past.
    """
    parameters = {
        "consumer_group": consumer_group,
        "hubs": [span.hub for span in spans],
        "generations": [span.generation for span in spans],
        "partitions": [span.partition_id for span in spans],
        "firsts": [span.first_number for span in spans],
        "lasts": [span.last_number for span in spans],
    }
    return {Span(*row) for row in driver(connection).execute(_HELD, parameters).fetchall()}
