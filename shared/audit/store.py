"""The audit room's SQL: entries are inserted and read, never anything else."""

from datetime import datetime

import psycopg
from sqlalchemy import Connection

from shared.audit.errors import EntryRefused
from shared.audit.model import COLUMNS, GENESIS, Chain, Entry, Head
from shared.database import constraint_name
from shared.database.database import driver

# Two numbers: the audit's own, and the chain's. Keys of one number are another space.
_LOCK_SPACE = 1_096_107
_LOCKS = {Chain.CONTROL: 1, Chain.ACCESS: 2}
_LOCK = "SELECT pg_advisory_xact_lock(%s::integer, %s::integer)"
# A clock that was set back stops the chain's time and never turns it.
_HEAD = """
SELECT head.position, head.hash, greatest(clock_timestamp(), head.appended_at) FROM (VALUES (1)) AS always
LEFT JOIN LATERAL (
    SELECT position, hash, appended_at FROM audit_entries WHERE chain = %s ORDER BY position DESC LIMIT 1
) AS head ON true
"""
_INSERT = f"INSERT INTO audit_entries ({', '.join(COLUMNS)}) VALUES ({', '.join(f'%({name})s' for name in COLUMNS)})"
_LINKS = {"pk_audit_entries", "uq_audit_entries_chain_previous_hash", "audit_entries_link"}
_PAGE = f"""
SELECT {", ".join(COLUMNS)} FROM audit_entries
WHERE chain = %(chain)s AND position > %(after)s AND position <= %(last)s ORDER BY position LIMIT %(limit)s
"""
# The times of a chain never fall, so only entries after the moment are passed over.
_LAST_BEFORE = """
SELECT position FROM audit_entries WHERE chain = %s AND appended_at < %s ORDER BY position DESC LIMIT 1
"""


def lock_head(connection: Connection, chain: Chain) -> Head:
    """Wait for the chain's lock, held to the end of the transaction, and read its head in the statement after it.

    Both statements travel together: whoever waits for the lock waits for no round trip more than it must.
    """
    session = driver(connection)
    with session.pipeline():
        session.execute(_LOCK, (_LOCK_SPACE, _LOCKS[chain]), prepare=True)
        found = session.execute(_HEAD, (chain.value,), prepare=True)
        position, known, moment = found.fetchall()[0]
    return Head(position or 0, known or GENESIS, moment)


def insert_entry(connection: Connection, entry: Entry) -> None:
    """Write one entry. Raises EntryRefused when it does not follow the chain's last."""
    try:
        driver(connection).execute(_INSERT, vars(entry), prepare=True)
    except psycopg.IntegrityError as error:
        if constraint_name(error) in _LINKS:
            raise EntryRefused(f"entry {entry.position} does not follow the last of {entry.chain}") from error
        raise


def fetch_head(connection: Connection, chain: Chain) -> Head | None:
    """The chain's last entry as it stands, without a lock; None for an empty chain."""
    position, known, moment = driver(connection).execute(_HEAD, (chain.value,), prepare=True).fetchall()[0]
    return Head(position, known, moment) if known else None


def fetch_last_before(connection: Connection, chain: Chain, moment: datetime) -> int:
    """The last position appended before a moment; 0 when there is none."""
    row = driver(connection).execute(_LAST_BEFORE, (chain.value, moment), prepare=True).fetchone()
    return int(row[0]) if row else 0


def list_entries(connection: Connection, chain: Chain, *, after: int, last: int, limit: int) -> list[Entry]:
    """The entries behind a position, in order, at most `limit` and none behind `last`."""
    values = {"chain": chain.value, "after": after, "last": last, "limit": limit}
    return [Entry(*row) for row in driver(connection).execute(_PAGE, values, prepare=True)]
