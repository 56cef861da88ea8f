"""The audit record: one row per entry, append-only by privileges and by trigger, linked by hashes."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
)

from shared.schema import METADATA, code_text

# Every text is compared byte by byte: it is a part of what is hashed.
audit_entries = Table(
    "audit_entries",
    METADATA,
    Column("chain", code_text(), nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("appended_at", DateTime(timezone=True), nullable=False),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("actor", code_text(), nullable=False),
    Column("principal_type", code_text(), nullable=False),
    Column("role", code_text()),
    Column("site_id", code_text()),
    Column("action", code_text(), nullable=False),
    Column("target_type", code_text(), nullable=False),
    Column("target_id", code_text()),
    Column("outcome", code_text(), nullable=False),
    Column("reason", code_text()),
    # JSON texts as they were hashed; jsonb would write them anew.
    Column("before", code_text()),
    Column("after", code_text()),
    Column("request_id", code_text()),
    Column("idempotency_key", code_text()),
    Column("approval_id", code_text()),
    Column("client_address", code_text()),
    Column("user_agent", code_text()),
    Column("canonical", LargeBinary, nullable=False),
    Column("hash_version", SmallInteger, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("chain", "position"),
    CheckConstraint("chain IN ('control', 'access')", name="chain"),
    CheckConstraint("position >= 1", name="position"),
    CheckConstraint("btrim(actor) <> '' AND btrim(target_type) <> ''", name="named"),
    CheckConstraint("principal_type IN ('PERSON', 'SERVICE', 'SYSTEM')", name="principal_type"),
    CheckConstraint("action ~ '^[a-z_]+:[a-z_]+:[a-z_]+$'", name="action"),
    CheckConstraint("outcome IN ('DONE', 'DENIED', 'FAILED')", name="outcome"),
    CheckConstraint(
        "chain <> 'control' OR outcome = 'DENIED' OR coalesce(btrim(reason), '') <> ''", name="reason"
    ),
    CheckConstraint("octet_length(canonical) <= 262144", name="canonical_length"),
    CheckConstraint("octet_length(previous_hash) = 32", name="previous_hash_length"),
    CheckConstraint("hash_version = 1", name="hash_version"),
    CheckConstraint("(position = 1) = (previous_hash = decode(repeat('00', 32), 'hex'))", name="genesis"),
    CheckConstraint("hash = sha256(decode('01', 'hex') || previous_hash || canonical)", name="hash"),
    Index("uq_audit_entries_chain_previous_hash", "chain", "previous_hash", unique=True),
)
