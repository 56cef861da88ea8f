"""Facts, chains, keys and archives for the tests of the audit record."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.adapters.signing import SigningKey
from shared.audit.append_entry import append_entry
from shared.audit.links import line_of
from shared.audit.manifest import ENTRIES, FORMAT, MANIFEST, SIGNATURE, Manifest
from shared.audit.model import (
    COLUMNS,
    GENESIS,
    Action,
    Chain,
    Entry,
    Facts,
    Head,
    Outcome,
    PrincipalType,
    canonical_bytes,
    entry_hash,
    next_entry,
)
from shared.runtime import Runtime

Owner = psycopg.Connection[Any]
MIDNIGHT = datetime(2026, 11, 2, tzinfo=UTC)


def facts(**changes: Any) -> Facts:
    """An accepted gap with every field filled."""
    usual: dict[str, Any] = {
        "chain": Chain.CONTROL,
        "occurred_at": datetime(2026, 11, 2, 9, 30, tzinfo=UTC),
        "actor": "oid:7f1c",
        "principal_type": PrincipalType.PERSON,
        "role": "operator",
        "site_id": "KR-SEOUL",
        "action": Action.GAP_ACCEPT,
        "target_type": "sequence_gap",
        "target_id": "17",
        "outcome": Outcome.DONE,
        "reason": "höchstens drei",
        "before": {"state": "OPEN"},
        "after": {"state": "ACCEPTED", "missing": [1, 2]},
        "request_id": "req-1",
        "idempotency_key": "idem-1",
        "approval_id": "app-1",
        "client_address": "192.0.2.7",
        "user_agent": "console/1.0",
    }
    return Facts(**{**usual, **changes})


def chain_of(count: int, start: datetime = MIDNIGHT, chain: Chain = Chain.CONTROL) -> list[Entry]:
    """A chain made without a database, an entry a second."""
    head, entries = Head(0, GENESIS, start), []
    for number in range(count):
        entry = next_entry(facts(chain=chain, target_id=str(number)), head)
        entries.append(entry)
        head = Head(entry.position, entry.hash, start + timedelta(seconds=number + 1))
    return entries


def relinked(entries: Sequence[Entry], previous: Entry | None = None) -> list[Entry]:
    """The same values with new canonical bytes, links and hashes: what somebody does who rewrites a chain."""
    known, made = previous.hash if previous else GENESIS, []
    for entry in entries:
        values = dict(vars(entry))
        canonical = canonical_bytes(values)
        digest = entry_hash(1, known, canonical)
        values |= {"canonical": canonical, "previous_hash": known, "hash": digest}
        made.append(Entry(**values))
        known = digest
    return made


def signing_key(seed: int = 1) -> SigningKey:
    """The same key for the same seed."""
    return SigningKey(f"key-{seed}", Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))


def write_archive(
    folder: Path, entries: Sequence[Entry], key: SigningKey, month: str, previous: Manifest | None = None
) -> Path:
    """An archive as the product writes one, made another way; the file of entries."""
    chain = entries[0].chain
    body = b"".join(map(line_of, entries))
    manifest = Manifest(
        format=FORMAT,
        chain=chain,
        month=month,
        first_position=entries[0].position,
        last_position=entries[-1].position,
        count=len(entries),
        previous_hash=entries[0].previous_hash.hex(),
        first_hash=entries[0].hash.hex(),
        last_hash=entries[-1].hash.hex(),
        last_appended_at=entries[-1].appended_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        entries_bytes=len(body),
        entries_sha256=hashlib.sha256(body).hexdigest(),
        previous_archive=previous.digest if previous else None,
        key_id=key.key_id,
        algorithm="Ed25519",
    )
    stem = folder / f"{chain}-{month}"
    stem.with_name(stem.name + ENTRIES).write_bytes(body)
    stem.with_name(stem.name + MANIFEST).write_bytes(manifest.encode())
    stem.with_name(stem.name + SIGNATURE).write_bytes(key.sign(manifest.encode()))
    return stem.with_name(stem.name + ENTRIES)


def append(runtime: Runtime, count: int = 1, **changes: Any) -> list[Entry]:
    """Append so many entries, each in a transaction of its own."""
    made = []
    for _ in range(count):
        with runtime.database.transaction() as connection:
            made.append(append_entry(connection, facts(**changes)))
    return made


def stored(owner: Owner, chain: str = "control") -> list[Entry]:
    """Every stored entry of a chain in the order of its positions."""
    rows = owner.execute(
        f"SELECT {', '.join(COLUMNS)} FROM audit_entries WHERE chain = %s ORDER BY position", (chain,)
    )
    return [Entry(*row) for row in rows.fetchall()]


def disarm(owner: Owner) -> None:
    """Take away what keeps the rows, as a person could who owns the database."""
    owner.execute("ALTER TABLE audit_entries DISABLE TRIGGER USER")
    owner.execute("DROP INDEX uq_audit_entries_chain_previous_hash")
    checks = owner.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'audit_entries'::regclass AND contype = 'c'"
    ).fetchall()
    for (name,) in checks:
        owner.execute(f"ALTER TABLE audit_entries DROP CONSTRAINT {name}")


def put(owner: Owner, *entries: Entry) -> None:
    """Insert entries past the application."""
    names, marks = ", ".join(COLUMNS), ", ".join(f"%({name})s" for name in COLUMNS)
    for entry in entries:
        owner.execute(f"INSERT INTO audit_entries ({names}) VALUES ({marks})", vars(entry))


def replace_all(owner: Owner, entries: Sequence[Entry]) -> None:
    """Make the control chain be these entries; the rows must have been disarmed."""
    owner.execute("DELETE FROM audit_entries WHERE chain = 'control'")
    put(owner, *entries)
