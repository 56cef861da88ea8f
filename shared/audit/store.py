"""The audit room's SQL: entries are inserted and read, never anything else."""

from datetime import datetime

from sqlalchemy import Connection

from shared.audit.errors import EntryRefused
from shared.audit.model import (
    COLUMNS,
    GENESIS,
    HASH_VERSION,
    POSITION_MAX,
    Action,
    Chain,
    Draft,
    Entry,
    Head,
    placed_entry,
)
from shared.database import constraint_name
from shared.database.database import driver, send
from shared.database.statement import Statement

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
# One round trip under the lock: the server takes it, looks, links and writes. See append_audit_entry in the migrations.
_APPEND = Statement(
    f"""
    SELECT position, appended_at, previous_hash, hash FROM append_audit_entry(
        %(lock_space)s, %(lock_key)s, ROW({", ".join(f"%({name})s" for name in COLUMNS)})::audit_entries, %(rest)b)
    """
)
# What the server decides.
_UNDECIDED = dict.fromkeys(("position", "appended_at", "canonical", "previous_hash", "hash"))
_LINKS = {"pk_audit_entries", "uq_audit_entries_chain_previous_hash", "audit_entries_link"}
_PAGE = f"""
SELECT {", ".join(COLUMNS)} FROM audit_entries
WHERE chain = %(chain)s AND position > %(after)s AND position <= %(last)s ORDER BY position LIMIT %(limit)s
"""
_LAST_OF = f"""
SELECT {", ".join(COLUMNS)} FROM audit_entries
WHERE chain = %s AND action = %s AND outcome = 'DONE' AND position < %s ORDER BY position DESC LIMIT 1
"""
_SETTINGS = "SELECT document FROM settings_digests WHERE app = %s FOR UPDATE"
_PUT_SETTINGS = """
INSERT INTO settings_digests (app, digest, document, changed_at) VALUES (%s, %s, %s, %s)
ON CONFLICT (app) DO UPDATE
    SET digest = excluded.digest, document = excluded.document, changed_at = excluded.changed_at
"""
_HASH = "SELECT hash FROM audit_entries WHERE chain = %s AND position = %s"
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


def append_draft(connection: Connection, draft: Draft) -> Entry:
    """Wait for the chain's lock, held to the end of the transaction, and write the entry that follows the head.

    Raises EntryRefused when the transaction's snapshot is older than the head.
    """
    import psycopg

    chain = Chain(str(draft.values["chain"]))
    values = {
        **draft.values,
        **_UNDECIDED,
        "hash_version": HASH_VERSION,
        "rest": draft.rest,
        "lock_space": _LOCK_SPACE,
        "lock_key": _LOCKS[chain],
    }
    try:
        ((position, moment, previous_hash, known),) = send(connection, _APPEND, values)
    except psycopg.IntegrityError as error:
        if constraint_name(error) in _LINKS:
            raise EntryRefused(f"an entry does not follow the last of {chain}") from error
        raise
    return placed_entry(draft, position, moment, bytes(previous_hash), bytes(known))


def insert_entry(connection: Connection, entry: Entry) -> None:
    """Write one entry. Raises EntryRefused when it does not follow the chain's last."""
    import psycopg

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


def fetch_hash(connection: Connection, chain: Chain, position: int) -> bytes | None:
    """The hash that stands at a position."""
    row = driver(connection).execute(_HASH, (chain.value, position), prepare=True).fetchone()
    return bytes(row[0]) if row else None


def fetch_last_before(connection: Connection, chain: Chain, moment: datetime) -> int:
    """The last position appended before a moment; 0 when there is none."""
    row = driver(connection).execute(_LAST_BEFORE, (chain.value, moment), prepare=True).fetchone()
    return int(row[0]) if row else 0


def fetch_last_of(
    connection: Connection, chain: Chain, action: Action, before: int = POSITION_MAX
) -> Entry | None:
    """The last entry of an action that was done before a position."""
    values = (chain.value, action.value, before)
    row = driver(connection).execute(_LAST_OF, values, prepare=True).fetchone()
    return Entry(*row) if row else None


def list_entries(connection: Connection, chain: Chain, *, after: int, last: int, limit: int) -> list[Entry]:
    """The entries behind a position, in order, at most `limit` and none behind `last`."""
    values = {"chain": chain.value, "after": after, "last": last, "limit": limit}
    return [Entry(*row) for row in driver(connection).execute(_PAGE, values, prepare=True)]


def fetch_settings(connection: Connection, app: str) -> str | None:
    """The settings at the last look, for whoever now replaces them."""
    row = driver(connection).execute(_SETTINGS, (app,)).fetchone()
    return str(row[0]) if row else None


def put_settings(connection: Connection, app: str, digest: bytes, document: str, now: datetime) -> None:
    """Put these in their place."""
    driver(connection).execute(_PUT_SETTINGS, (app, digest, document, now))
