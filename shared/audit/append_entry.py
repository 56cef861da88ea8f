"""Append one entry to its chain, inside the transaction of the change it records."""

from sqlalchemy import Connection

from shared.audit import store
from shared.audit.model import Chain, Entry, Facts, draft_entry


def append_entry(connection: Connection, facts: Facts) -> Entry:
    """The entry as it was written; it stands when the caller's transaction commits, and not without it.

    Call it last: it takes the chain's lock, which every other writer of the chain then waits for until the end of
    this transaction. Raises EntryInvalid, and EntryRefused when the transaction's snapshot is older than the chain's
    head; either way the change must not be committed.
    """
    return store.append_draft(connection, draft_entry(facts))


def stands(connection: Connection, entry: Entry) -> bool:
    """Whether this very entry is in its chain. Holds the chain's lock, so that whoever wrote it has ended."""
    store.lock_head(connection, Chain(entry.chain))
    return store.fetch_hash(connection, Chain(entry.chain), entry.position) == entry.hash
