"""The SQL of backfill runs: begun or found again, moved on with each batch, ended."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from shared.database.database import driver
from shared.sync.dumps.errors import DumpElsewhere
from shared.sync.dumps.model import Counts, Dump, Run, Wish

_IDENTITY = """
    file_sha256 = %(sha256)s AND stream = %(stream)s AND profile = %(profile)s AND format = %(format)s
    AND event_since = %(since)s AND event_until = %(until)s AND state = 'RUNNING'
"""
_INSERT = """
INSERT INTO backfill_runs (stream, profile, format, file_name, file_sha256, file_bytes, event_since, event_until,
    started_at, started_by, updated_at)
VALUES (%(stream)s, %(profile)s, %(format)s, %(name)s, %(sha256)s, %(size)s, %(since)s, %(until)s, %(now)s, %(who)s,
    %(now)s)
ON CONFLICT DO NOTHING
"""
_FETCH = f"""
SELECT run_id, started_at, position_bytes, position_line, lines_read, applied, superseded, duplicate, dead_lettered,
       skipped
FROM backfill_runs WHERE {_IDENTITY}
"""
_MOVE = """
UPDATE backfill_runs SET position_bytes = %(position_bytes)s, position_line = %(position_line)s,
    lines_read = %(read)s, applied = %(applied)s, superseded = %(superseded)s, duplicate = %(duplicate)s,
    dead_lettered = %(dead_lettered)s, skipped = %(skipped)s, updated_at = %(now)s
WHERE run_id = %(run_id)s AND state = 'RUNNING' AND position_bytes = %(before)s
"""
_FINISH = """
UPDATE backfill_runs SET state = 'DONE', finished_at = %s, updated_at = %s
WHERE run_id = %s AND state = 'RUNNING' AND position_bytes = %s
"""


def begin_run(connection: Connection, dump: Dump, wish: Wish, profile: str, now: datetime) -> Run:
    """The unfinished run of this dump and wish, or a new one."""
    values = _identity(dump, wish, profile)
    driver(connection).execute(
        _INSERT, {**values, "name": dump.name, "size": dump.size, "now": now, "who": wish.who}
    )
    run = fetch_run(connection, dump, wish, profile)
    if run is None:
        raise DumpElsewhere("the run was ended by another process; start it again")
    return run


def fetch_run(connection: Connection, dump: Dump, wish: Wish, profile: str) -> Run | None:
    """The unfinished run of this dump and wish."""
    row = driver(connection).execute(_FETCH, _identity(dump, wish, profile)).fetchone()
    if row is None:
        return None
    return Run(row[0], dump, row[1], row[2], row[3], Counts(*row[4:]))


def _identity(dump: Dump, wish: Wish, profile: str) -> dict[str, Any]:
    return {
        "sha256": dump.sha256,
        "stream": wish.stream,
        "profile": profile,
        "format": wish.format,
        "since": wish.since,
        "until": wish.until,
    }


def move_run(connection: Connection, before: Run, after: Run, now: datetime) -> None:
    """Move a run on, from exactly where it was. Raises DumpElsewhere."""
    values = {
        **after.counts._asdict(),
        "position_bytes": after.position_bytes,
        "position_line": after.position_line,
        "now": now,
        "run_id": before.run_id,
        "before": before.position_bytes,
    }
    if driver(connection).execute(_MOVE, values).rowcount != 1:
        raise _elsewhere(before)


def finish_run(connection: Connection, run: Run, now: datetime) -> None:
    """Say that a run has come to the end of its file. Raises DumpElsewhere."""
    values = (now, now, run.run_id, run.position_bytes)
    if driver(connection).execute(_FINISH, values).rowcount != 1:
        raise _elsewhere(run)


def _elsewhere(run: Run) -> DumpElsewhere:
    return DumpElsewhere(f"run {run.run_id} of {run.dump.name} was moved on by another process")


def fetch_active_sites(connection: Connection) -> frozenset[str]:
    """The sites whose records are taken."""
    rows = driver(connection).execute("SELECT site_id FROM sites WHERE is_active").fetchall()
    return frozenset(site_id for (site_id,) in rows)
