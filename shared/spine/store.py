"""The spine's SQL: keys with their answers, and counted refusals."""

from typing import NamedTuple

from sqlalchemy import Connection

from shared.database.database import driver

# Whoever inserts second waits for the first one's end: it then finds its answer, or takes its place.
_CLAIM = """
INSERT INTO idempotency_keys AS kept (principal_id, idempotency_key, request_hash) VALUES (%s, %s, %s)
ON CONFLICT (principal_id, idempotency_key) DO UPDATE
    SET request_hash = excluded.request_hash, created_at = excluded.created_at, status = NULL, body = NULL
    WHERE kept.created_at < now() - interval '24 hours'
RETURNING true
"""
_KEPT = """
SELECT request_hash, status, body FROM idempotency_keys WHERE principal_id = %s AND idempotency_key = %s
"""
_ANSWER = """
UPDATE idempotency_keys SET status = %s, body = %s WHERE principal_id = %s AND idempotency_key = %s
"""
_COUNT = """
INSERT INTO refusal_counts AS kept (minute, address, code, refusals) VALUES (date_trunc('minute', now()), %s, %s, 1)
ON CONFLICT (minute, address, code) DO UPDATE SET refusals = kept.refusals + 1
"""


class Kept(NamedTuple):
    """What stands under a key."""

    request_hash: bytes
    status: int
    body: bytes


def claim_key(connection: Connection, principal_id: str, key: str, request_hash: bytes) -> Kept | None:
    """None when the key is ours now, until the transaction ends; else what was answered under it."""
    session = driver(connection)
    if session.execute(_CLAIM, (principal_id, key, request_hash), prepare=True).fetchone():
        return None
    row = session.execute(_KEPT, (principal_id, key), prepare=True).fetchone()
    assert row is not None, "a key that conflicts stands"
    return Kept(*row)


def keep_answer(connection: Connection, principal_id: str, key: str, status: int, body: bytes) -> None:
    """Write the answer under a key that was claimed in this transaction."""
    driver(connection).execute(_ANSWER, (status, body, principal_id, key), prepare=True)


def count_refusal(connection: Connection, address: str, code: str) -> None:
    """One more of this minute."""
    driver(connection).execute(_COUNT, (address, code), prepare=True)


def expire_request_rows(connection: Connection, refusal_days: int) -> tuple[int, int]:
    """Remove keys that are over and refusals older than that; how many of each."""
    row = driver(connection).execute("SELECT * FROM expire_request_rows(%s)", (refusal_days,)).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)
