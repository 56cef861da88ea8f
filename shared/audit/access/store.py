"""SQL of the access records: they are inserted and read; how they end is the database's own matter."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from shared.audit.access.model import GIVEN, MEMBERS, Access, AccessRecord, Hold
from shared.audit.errors import PurgeRefused
from shared.database import constraint_name
from shared.database.database import driver, send
from shared.database.statement import Statement

_INSERT = Statement(
    f"INSERT INTO access_records ({', '.join(GIVEN)}) VALUES ({', '.join(f'%({name})s' for name in GIVEN)})"
)
_COLUMNS = ", ".join(MEMBERS)
# Read before the rows are, the time of before it looked: whoever records behind our back has begun by now, or records
# a time that is not taken yet.
# Sessions of this role are the only ones that record, and their beginnings are shown to it.
_MOMENT = """
SELECT statement_timestamp(), least(statement_timestamp(), min(xact_start))
FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
"""
_UNSEALED = f"""
SELECT {_COLUMNS} FROM access_records
WHERE recorded_at >= %(start)s AND recorded_at <= %(end)s AND NOT record_id <@ %(sealed)s::int8multirange
ORDER BY recorded_at, record_id LIMIT %(limit)s
"""
_COUNT_UNSEALED = """
SELECT count(*), min(recorded_at) FROM access_records
WHERE recorded_at >= %(start)s AND recorded_at <= %(end)s AND NOT record_id <@ %(sealed)s::int8multirange
"""
_SEALED = f"""
SELECT {_COLUMNS} FROM access_records
WHERE recorded_at BETWEEN %(first)s AND %(last)s AND record_id <@ %(ids)s::int8multirange ORDER BY record_id
"""
_DAYS = """
SELECT to_date(substr(relname, length('access_records_') + 1), 'YYYY_MM_DD') FROM pg_class
JOIN pg_inherits ON inhrelid = pg_class.oid
WHERE inhparent = 'public.access_records'::regclass AND relname ~ '^access_records_[0-9]{4}_[0-9]{2}_[0-9]{2}$'
ORDER BY 1
"""
_HOLD = """
INSERT INTO legal_holds (class, first_day, last_day, placed_by, placed_at, reason)
VALUES ('access_records', %(first_day)s, %(last_day)s, %(placed_by)s, %(placed_at)s, %(reason)s) RETURNING hold_id
"""
_RELEASE = """
UPDATE legal_holds SET released_by = %s, released_at = %s WHERE hold_id = %s AND released_at IS NULL
RETURNING first_day, last_day, placed_by, placed_at, reason
"""
BEGINNING = datetime.fromisoformat("0001-01-01T00:00:00+00:00")


def insert_access(connection: Connection, access: Access) -> None:
    """Write one record."""
    # An array as PostgreSQL writes one: hexadecimal bytes, whose backslash is one in quotation marks.
    hashes = ",".join(f'"\\\\x{each.hex()}"' for each in access.looked_up)
    send(connection, _INSERT, {**vars(access), "looked_up": f"{{{hashes}}}"})


def fetch_moment(connection: Connection) -> tuple[datetime, datetime]:
    """The server's time, and the beginning of the oldest transaction that may still record something."""
    row = driver(connection).execute(_MOMENT, prepare=True).fetchone()
    assert row is not None, "an aggregate has a row"
    return row[0], row[1]


def list_unsealed(
    connection: Connection, start: datetime, end: datetime, sealed: str, limit: int
) -> list[AccessRecord]:
    """The records of a time that are not among those ids, in the order of their times."""
    values = {"start": start, "end": end, "sealed": sealed, "limit": limit}
    return [_record(row) for row in driver(connection).execute(_UNSEALED, values, prepare=True)]


def count_unsealed(
    connection: Connection, start: datetime, end: datetime, sealed: str
) -> tuple[int, datetime | None]:
    """How many they are, and the time of the oldest."""
    row = (
        driver(connection).execute(_COUNT_UNSEALED, {"start": start, "end": end, "sealed": sealed}).fetchone()
    )
    assert row is not None, "an aggregate has a row"
    return int(row[0]), row[1]


def list_sealed(connection: Connection, first: datetime, last: datetime, ids: str) -> list[AccessRecord]:
    """The records a seal names, in the order of their ids."""
    values = {"first": first, "last": last, "ids": ids}
    return [_record(row) for row in driver(connection).execute(_SEALED, values, prepare=True)]


def ensure_access_partitions(connection: Connection, first_day: date, days: int) -> int:
    """Make the days' partitions that are missing; how many were."""
    row = driver(connection).execute("SELECT ensure_access_partitions(%s, %s)", (first_day, days)).fetchone()
    return int(row[0]) if row else 0


def list_days(connection: Connection) -> list[date]:
    """The days that have a partition."""
    return [row[0] for row in driver(connection).execute(_DAYS)]


def drop_access_partition(connection: Connection, day: date) -> int | None:
    """Drop a day's partition; how many records went, None without one. Raises PurgeRefused for a day on hold."""
    import psycopg

    try:
        row = driver(connection).execute("SELECT drop_access_partition(%s)", (day,)).fetchone()
    except psycopg.IntegrityError as error:
        if constraint_name(error) == "access_records_held":
            raise PurgeRefused(f"{day} is under a legal hold") from error
        raise
    return int(row[0]) if row and row[0] is not None else None


def insert_hold(connection: Connection, hold: Hold) -> int:
    """Write one hold; its number."""
    row = driver(connection).execute(_HOLD, asdict(hold)).fetchone()
    assert row is not None, "an insert returns its row"
    return int(row[0])


def release_hold(connection: Connection, hold_id: int, by: str, now: datetime) -> Hold | None:
    """Release a hold that stands; what it held, None when there is none that stands."""
    row = driver(connection).execute(_RELEASE, (by, now, hold_id)).fetchone()
    return Hold(*row) if row else None


def _record(row: Sequence[Any]) -> AccessRecord:
    values = dict(zip(MEMBERS, row, strict=True))
    values["looked_up"] = tuple(bytes(each) for each in values["looked_up"])
    return AccessRecord(**values)
