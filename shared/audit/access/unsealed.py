"""Where access records may still lack a seal."""

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Window:
    """A time whose records are all in seals: from `start` on, by the ids of the seals from `first` on."""

    start: datetime
    first: int
    sealed: str


def window_of(connection: Connection, first: int, last: Seal) -> Window:
    """The window that begins with the open time of the seal before a position, and ends with that of another seal."""
    before = store.fetch_last_of(connection, Chain.ACCESS, Action.ACCESS_SEAL, before=first)
    earlier = seal_of(before) if before else None
    start = earlier.open_from if earlier else records.BEGINNING
    after = store.fetch_last_before(connection, Chain.ACCESS, start)
    looked_at = min(after + 1, earlier.position) if earlier else 1
    return Window(start, looked_at, union_text(_seals_between(connection, after, last.position)))


def _seals_since(connection: Connection, last: Seal) -> list[Seal]:
    """The seals that may hold records from the open time on: a record is older than its seal."""
    after = store.fetch_last_before(connection, Chain.ACCESS, last.open_from)
    return _seals_between(connection, after, last.position)


def _seals_between(connection: Connection, after: int, last: int) -> list[Seal]:
    entries = store.list_entries(connection, Chain.ACCESS, after=after, last=last, limit=last)
    return [seal for entry in entries if (seal := seal_of(entry))]


def find_unsealed(database: Database, grace: timedelta) -> tuple[int, datetime | None]:
    """How many records older than that are in no seal, and the time of the oldest."""
    with database.statement() as connection:
        moment, _ = records.fetch_moment(connection)
    with database.reading() as connection:
        start, sealed = open_part(connection)
        return records.count_unsealed(connection, start, moment - grace, sealed)
