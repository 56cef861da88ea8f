"""The sync room's SQL. Hot statements run on the driver's own cursor, inside the caller's transaction."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, text

from shared.database.database import driver, send
from shared.database.statement import Statement
from shared.sync.errors import DeadLetterConflict
from shared.sync.events.contract import SEPARATOR, Stream
from shared.sync.events.ledger_entry import LEDGER_ENTRY
from shared.sync.events.payment_order import PAYMENT_ORDER, status_group
from shared.sync.model import EventBatch, Outcome, Record, Rejection
from shared.sync.statements import UpsertStatements, joined, upsert_statements

STATEMENTS: Mapping[Stream, UpsertStatements] = {
    "ledger": upsert_statements(LEDGER_ENTRY, "ledger_entries"),
    "payment_order": upsert_statements(PAYMENT_ORDER, "payment_orders"),
}
_STATUS = PAYMENT_ORDER.business_columns.index("status")


class Position(NamedTuple):
    """Where a partition stands: its present generation, and the highest number received in it.

    What comes from no hub has no position, and None for its id.
    """

    position_id: int | None
    generation: int
    high_water: int | None
    last_enqueued_at: datetime | None


class Prelude(NamedTuple):
    """What a batch needs before it is read: its position (None when the partition is new) and the active sites."""

    position: Position | None
    active_sites: frozenset[str]


class UpsertGroup(NamedTuple):
    """Rows that changed alike: the kind of change, their keys, and what they had before where that changed."""

    change: int
    keys: list[str]
    previous_related_id: str | None
    previous_site_id: str | None


PRELUDE = Statement("""
SELECT p.position_id, p.generation, upper(p.received) - 1 AS high_water, p.last_enqueued_at,
       (SELECT string_agg(site_id, E'\\x1f') FROM sites WHERE is_active) AS active_sites
FROM (SELECT generation FROM hub_generations WHERE hub = %(hub)s
      ORDER BY seen_at DESC, generation DESC LIMIT 1) AS present
LEFT JOIN stream_positions AS p ON p.generation = present.generation AND p.hub = %(hub)s
     AND p.consumer_group = %(consumer_group)s AND p.partition_id = %(partition_id)s
""")


def fetch_prelude(connection: Connection, batch: EventBatch) -> Prelude:
    """Read the batch's position and the active sites in one round trip."""
    place = {"hub": batch.hub, "consumer_group": batch.consumer_group, "partition_id": batch.partition_id}
    row = (send(connection, PRELUDE, place) or [(None,) * 5])[0]
    sites = frozenset((row[4] or "").split(SEPARATOR))
    position = Position(*row[:4]) if row[0] is not None else None
    return Prelude(position, sites - {""})


def insert_position(connection: Connection, batch: EventBatch, generation: int, now: datetime) -> None:
    """Make sure the partition has its row in this generation."""
    connection.execute(
        text("""
            INSERT INTO stream_positions (stream, hub, generation, consumer_group, partition_id, updated_at)
            VALUES (:stream, :hub, :generation, :consumer_group, :partition_id, :now) ON CONFLICT DO NOTHING
        """),
        {
            "stream": batch.stream,
            "hub": batch.hub,
            "generation": generation,
            "consumer_group": batch.consumer_group,
            "partition_id": batch.partition_id,
            "now": now,
        },
    )


def upsert_records(
    connection: Connection, stream: Stream, records: Sequence[Record], position_id: int | None, now: datetime
) -> list[UpsertGroup]:
    """Bring records, sorted by key and unique in it, into their table; returns only rows that changed."""
    statements = STATEMENTS[stream]
    parameters = {**upsert_parameters(stream, records), "now": now, "position_id": position_id}
    statement = statements.upsert_one if len(records) == 1 else statements.upsert
    rows = send(connection, statement, parameters)
    return [UpsertGroup(change, keys.split(SEPARATOR), *rest) for change, keys, *rest in rows]


def upsert_parameters(stream: Stream, records: Sequence[Record]) -> dict[str, Any]:
    """The records as the parameters of an upsert: one text per column, and the digests."""
    names = STATEMENTS[stream].columns
    columns = _columns(records)
    if stream == "payment_order":
        columns.append([status_group(r.business[_STATUS]) for r in records])
    parameters: dict[str, Any] = {f"c{i}": joined(names[i], values) for i, values in enumerate(columns)}
    parameters["digests"] = b"".join([r.revision.digest for r in records])
    return parameters


def _columns(records: Sequence[Record]) -> list[Sequence[str]]:
    """The texts of every column but the digest, whose place is held empty."""
    _, revisions, business, correlation_ids, _ = zip(*records, strict=True)
    updated_at, versions, enqueued_at, numbers, _ = zip(*revisions, strict=True)
    return [
        *zip(*business, strict=True),
        updated_at,
        _texts(versions),
        enqueued_at,
        _texts(numbers),
        (),
        correlation_ids,
    ]


def _texts(numbers: Sequence[int]) -> list[str]:
    """Decimal texts; what is absent (-1) is an empty one."""
    return ["" if number < 0 else str(number) for number in numbers]


def classify_unchanged(
    connection: Connection, stream: Stream, records: Sequence[Record]
) -> dict[str, tuple[bool, bool]]:
    """For records that changed nothing: key → (same content as the row that stands, in conflict with it)."""
    statements = STATEMENTS[stream]
    columns = (
        ("key", [r.key for r in records]),
        ("updated_at", [r.revision.updated_at for r in records]),
        ("version", _texts([r.revision.version for r in records])),
    )
    parameters: dict[str, Any] = {f"c{i}": joined(name, values) for i, (name, values) in enumerate(columns)}
    parameters["digests"] = b"".join([r.revision.digest for r in records])
    rows = send(connection, statements.classify, parameters)
    return {key: (same, conflict) for key, same, conflict in rows}


class Counted(NamedTuple):
    """How the distinct new sequence numbers of a batch ended, and how many had been received before."""

    applied: int
    superseded: int
    duplicate: int
    dead_lettered: int
    redelivered: int


RECORD_OUTCOMES = (Outcome.APPLIED, Outcome.SUPERSEDED, Outcome.DUPLICATE)


class Told(NamedTuple):
    """A batch's distinct sequence numbers, ascending; one letter each (`0` applied, `1` superseded, `2` duplicate,
    `3` dead-lettered); and how many events repeated a number within the batch."""

    numbers: Sequence[int]
    letters: bytes
    repeated: int


_RECORDS_AND_TIMES = """
    records_applied = p.records_applied + %(records_applied)s::bigint,
    records_superseded = p.records_superseded + %(records_superseded)s::bigint,
    records_duplicate = p.records_duplicate + %(records_duplicate)s::bigint,
    received = p.received + %(ranges)s::int8multirange,
    last_enqueued_at = greatest(p.last_enqueued_at, %(last_enqueued_at)s::timestamptz),
    newest_event_at = greatest(p.newest_event_at, %(newest_event_at)s::timestamptz),
    updated_at = %(now)s::timestamptz
"""
# The common case, with nothing to look up: none of the numbers was received before, and none of the times is older.
ADVANCE = Statement(f"""
UPDATE stream_positions AS p SET applied = p.applied + %(applied)s::bigint,
    superseded = p.superseded + %(superseded)s::bigint, duplicate = p.duplicate + %(duplicate)s::bigint,
    dead_lettered = p.dead_lettered + %(dead_lettered)s::bigint,
    redelivered = p.redelivered + %(repeated)s::bigint, site_times = p.site_times || %(site_times)s::jsonb,
    {_RECORDS_AND_TIMES}
WHERE p.position_id = %(position_id)s::bigint AND NOT p.received && %(ranges)s::int8multirange
  AND (p.last_enqueued_at IS NULL OR p.last_enqueued_at <= %(last_enqueued_at)s::timestamptz)
RETURNING %(applied)s::bigint, %(superseded)s::bigint, %(duplicate)s::bigint, %(dead_lettered)s::bigint,
          %(repeated)s::bigint
""")
# The rest: numbers are looked at one by one, and sites keep the newer of their times.
ADVANCE_KNOWN = Statement(f"""
UPDATE stream_positions AS p SET
    (applied, superseded, duplicate, dead_lettered, redelivered, last_counts) = (
        SELECT p.applied + a, p.superseded + s, p.duplicate + d, p.dead_lettered + x, p.redelivered + r,
               ARRAY[a, s, d, x, r]
        FROM (SELECT count(*) FILTER (WHERE NOT held AND outcome = '0') AS a,
                     count(*) FILTER (WHERE NOT held AND outcome = '1') AS s,
                     count(*) FILTER (WHERE NOT held AND outcome = '2') AS d,
                     count(*) FILTER (WHERE NOT held AND outcome = '3') AS x,
                     count(*) FILTER (WHERE held) + %(repeated)s::bigint AS r
              FROM (SELECT p.received @> number AS held,
                           substr(%(letters)s::text, (row_number() OVER (ORDER BY number))::integer, 1) AS outcome
                    FROM unnest(%(ranges)s::int8multirange) AS span,
                         generate_series(lower(span), upper(span) - 1) AS number) AS events) AS counts),
    site_times = (SELECT coalesce(jsonb_object_agg(site_id, told_at), '{{}}')
                  FROM (SELECT key AS site_id, max(value) AS told_at
                        FROM (SELECT * FROM jsonb_each_text(p.site_times)
                              UNION ALL SELECT * FROM jsonb_each_text(%(site_times)s::jsonb)) AS told
                        GROUP BY key) AS newest),
    {_RECORDS_AND_TIMES}
WHERE p.position_id = %(position_id)s::bigint
RETURNING last_counts[1], last_counts[2], last_counts[3], last_counts[4], last_counts[5]
""")


def advance_position(
    connection: Connection, position_id: int | None, told: Told, facts: Mapping[str, object]
) -> Counted:
    """Add the batch's sequence numbers and counts to its partition; numbers it already held count as redelivered."""
    parameters = {**facts, **told_parameters(told), "position_id": position_id}
    rows = send(connection, ADVANCE, parameters) or send(connection, ADVANCE_KNOWN, parameters)
    if not rows:
        raise LookupError(f"stream position {position_id} does not exist")
    return Counted(*rows[0])


def told_parameters(told: Told) -> dict[str, object]:
    """A batch's numbers and outcomes as the parameters of the statements that move a position."""
    return {
        "ranges": multirange(told.numbers),
        "letters": told.letters.decode(),
        "repeated": told.repeated,
        **{outcome.value: told.letters.count(b"%d" % place) for place, outcome in enumerate(Outcome)},
    }


def multirange(numbers: Sequence[int]) -> str:
    """Ascending sequence numbers as the text of a multirange, neighbours joined: {[3,7],[9,9]}."""
    if numbers and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{{[{numbers[0]},{numbers[-1]}]}}"
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return "{" + ",".join(f"[{low},{high}]" for low, high in ranges) + "}"


_DEAD_LETTER = """
INSERT INTO dead_letters (stream, hub, generation, partition_id, sequence_number, event_offset, partition_key,
    enqueued_at, properties, body, body_sha256, error_code, error_field, error_detail, profile, correlation_id,
    created_at)
VALUES (%(stream)s, %(hub)s, %(generation)s, %(partition_id)s, %(sequence_number)s, %(event_offset)s,
    %(partition_key)s, %(enqueued_at)s, %(properties)s, %(body)s, sha256(%(body)s), %(error_code)s, %(error_field)s,
    %(error_detail)s, %(profile)s, %(correlation_id)s, %(now)s)
ON CONFLICT (hub, generation, partition_id, sequence_number) DO NOTHING
"""
_SAME_BYTES = """
SELECT count(*) FROM dead_letters
JOIN unnest(%(numbers)s::bigint[], %(bodies)s::bytea[]) AS told (sequence_number, body) USING (sequence_number)
WHERE hub = %(hub)s AND generation = %(generation)s AND partition_id = %(partition_id)s
  AND body_sha256 = sha256(told.body)
"""


def insert_dead_letters(
    connection: Connection,
    batch: EventBatch,
    generation: int,
    rejections: Sequence[Rejection],
    profile: str,
    now: datetime,
) -> None:
    """Quarantine events with their bytes and reasons; the same place again with other bytes raises."""
    rows = [
        {
            "stream": batch.stream,
            "hub": batch.hub,
            "generation": generation,
            "partition_id": batch.partition_id,
            "sequence_number": r.event.sequence_number,
            "event_offset": r.event.offset,
            "partition_key": _storable(r.event.partition_key),
            "enqueued_at": r.event.enqueued_at,
            "properties": json.dumps(storable_json(dict(r.event.properties)), default=str),
            "body": r.event.body,
            "error_code": r.error.code,
            "error_field": _storable(r.error.field),
            "error_detail": _storable(r.error.detail),
            "profile": profile,
            "correlation_id": _storable(r.correlation_id),
            "now": now,
        }
        for r in rejections
    ]
    cursor = driver(connection).cursor()
    cursor.executemany(_DEAD_LETTER, rows)
    if cursor.rowcount != len(rows):
        _refuse_other_bytes(connection, batch, generation, rejections)


def _refuse_other_bytes(
    connection: Connection, batch: EventBatch, generation: int, rejections: Sequence[Rejection]
) -> None:
    """Some places were taken already: that they hold the same bytes is seen without rewriting a row."""
    parameters = {
        "hub": batch.hub,
        "generation": generation,
        "partition_id": batch.partition_id,
        "numbers": [r.event.sequence_number for r in rejections],
        "bodies": [r.event.body for r in rejections],
    }
    row = driver(connection).execute(_SAME_BYTES, parameters).fetchone()
    if row is None or row[0] != len(rejections):
        raise DeadLetterConflict(
            f"hub {batch.hub} partition {batch.partition_id}: a quarantined sequence number came with other bytes"
        )


def _storable(value: str | None) -> str | None:
    """Text as PostgreSQL can hold it: NUL and lone surrogates are shown, not stored."""
    if value is None:
        return None
    return value.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()


def storable_json(value: object) -> object:
    """A value as jsonb can hold it, whatever an event brought."""
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, dict):
        return {str(_storable(str(name))): storable_json(member) for name, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable_json(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        # JSON has no word for it, and jsonb takes none.
        return str(value)
    return value if isinstance(value, (bool, int, float, type(None))) else _storable(str(value))


def insert_findings(
    connection: Connection,
    stream: Stream,
    position_id: int | None,
    findings: Sequence[tuple[str, Record, object]],
    now: datetime,
) -> None:
    """Keep observations (kind, record, detail); one per place, however often the event comes."""
    driver(connection).cursor().executemany(
        """
        INSERT INTO sync_findings (kind, stream, record_key, position_id, sequence_number, detail, found_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
        """,
        [
            (kind, stream, r.key, position_id, r.revision.sequence_number, json.dumps(detail), now)
            for kind, r, detail in findings
        ],
    )


class PositionRow(NamedTuple):
    """One partition of the present generation, as it stands."""

    stream: str
    hub: str
    partition_id: str
    high_water: int | None
    last_enqueued_at: datetime | None
    newest_event_at: datetime | None


def list_positions(connection: Connection, consumer_group: str) -> list[PositionRow]:
    """The positions of every hub's present generation, in order of stream and partition."""
    rows = driver(connection).execute(
        """
        SELECT stream, hub, partition_id, upper(received) - 1, last_enqueued_at, newest_event_at
        FROM stream_positions AS p
        WHERE consumer_group = %s
          AND generation = (SELECT g.generation FROM hub_generations AS g WHERE g.hub = p.hub
                            ORDER BY g.seen_at DESC, g.generation DESC LIMIT 1)
        ORDER BY stream, partition_id
        """,
        (consumer_group,),
    )
    return [PositionRow(*row) for row in rows.fetchall()]


def ensure_evidence_partitions(connection: Connection, now: datetime, months: int) -> int:
    """Make this month's partition of the evidence and the next ones; returns how many were missing."""
    row = (
        driver(connection)
        .execute("SELECT ensure_evidence_partitions(%s, %s)", (now.date(), months))
        .fetchone()
    )
    return int(row[0]) if row else 0
