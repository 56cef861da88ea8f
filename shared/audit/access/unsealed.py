"""Where access records may still lack a seal."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.audit import store
from shared.audit.access import store as records
from shared.audit.access.seals import Seal, seal_of, union_text
from shared.audit.model import Action, Chain
from shared.database import Database

UNSEALED_SECONDS_MAX = 300


def open_part(connection: Connection) -> tuple[datetime, str]:
    """From when on records may lack a seal, and the ids that are sealed from there on."""
    last = store.fetch_last_of(connection, Chain.ACCESS, Action.ACCESS_SEAL)
    seal = seal_of(last) if last else None
    if seal is None:
        return records.BEGINNING, "{}"
    return seal.open_from, union_text(_seals_since(connection, seal))


def _seals_since(connection: Connection, last: Seal) -> list[Seal]:
    """The seals that may hold records from the open time on: a record is older than its seal."""
    after = store.fetch_last_before(connection, Chain.ACCESS, last.open_from)
    entries = store.list_entries(
        connection, Chain.ACCESS, after=after, last=last.position, limit=last.position
    )
    return [seal for entry in entries if (seal := seal_of(entry))]


def find_unsealed(database: Database, grace: timedelta) -> tuple[int, datetime | None]:
    """How many records older than that are in no seal, and the time of the oldest."""
    with database.statement() as connection:
        moment, _ = records.fetch_moment(connection)
    with database.reading() as connection:
        start, sealed = open_part(connection)
        return records.count_unsealed(connection, start, moment - grace, sealed)
