"""The audit record: linked entries, access records, closed breaks; all append-only by privileges and by trigger."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    text,
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
    Index("ix_audit_entries_target", "target_id", postgresql_where=text("chain = 'control'")),
)

# One row per read and per refusal of somebody who is known, in daily partitions; rows are never changed.
access_records = Table(
    "access_records",
    METADATA,
    Column("record_id", BigInteger, Identity(always=True), nullable=False),
    # The server's time: what a seal takes is decided by it.
    Column("recorded_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
    Column("occurred_at", DateTime(timezone=True), nullable=False),
    Column("actor", code_text(), nullable=False),
    Column("principal_type", code_text(), nullable=False),
    Column("role", code_text()),
    Column("site_id", code_text()),
    Column("permission", code_text(), nullable=False),
    Column("resource", code_text(), nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("code", code_text()),
    Column("result_count", BigInteger, nullable=False),
    Column("duration_us", BigInteger, nullable=False),
    Column("request_id", code_text(), nullable=False),
    Column("client_address", code_text()),
    Column("user_agent", code_text()),
    # JSON text, without ids and free texts.
    Column("query", code_text(), nullable=False),
    # HMAC-SHA256 of every id asked for, under this version of the key.
    Column("looked_up", ARRAY(LargeBinary), nullable=False),
    Column("key_version", code_text()),
    PrimaryKeyConstraint("recorded_at", "record_id"),
    CheckConstraint("principal_type IN ('PERSON', 'SERVICE', 'SYSTEM')", name="principal_type"),
    CheckConstraint("status BETWEEN 100 AND 599", name="status"),
    CheckConstraint("(code IS NULL) = (status < 400)", name="code"),
    CheckConstraint("result_count >= 0", name="result_count"),
    CheckConstraint("duration_us >= 0", name="duration_us"),
    CheckConstraint("cardinality(looked_up) = 0 OR key_version IS NOT NULL", name="key_version"),
    Index("ix_access_records_actor_recorded_at", "actor", "recorded_at"),
    Index("ix_access_records_looked_up", "looked_up", postgresql_using="gin"),
    postgresql_partition_by="RANGE (recorded_at)",
)

# A break of a chain that two persons closed: from where to where the entries are known not to hold, in signed words.
chain_segments = Table(
    "chain_segments",
    METADATA,
    Column("chain", code_text(), nullable=False),
    Column("break_position", BigInteger, nullable=False),
    Column("head_position", BigInteger, nullable=False),
    Column("requested_by", code_text(), nullable=False),
    Column("approved_by", code_text(), nullable=False),
    Column("approval_id", code_text(), nullable=False),
    Column("reason", code_text(), nullable=False),
    Column("document", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("closed_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("chain", "break_position"),
    CheckConstraint("chain IN ('control', 'access')", name="chain"),
    CheckConstraint("break_position >= 1 AND head_position >= break_position - 1", name="positions"),
    CheckConstraint("requested_by <> approved_by", name="two_persons"),
    CheckConstraint("btrim(reason) <> ''", name="reason"),
    CheckConstraint("octet_length(signature) = 64", name="signature_length"),
)

# What may not be purged although its time is over.
legal_holds = Table(
    "legal_holds",
    METADATA,
    Column("hold_id", BigInteger, Identity(always=True), primary_key=True),
    Column("class", code_text(), nullable=False),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date),
    Column("placed_by", code_text(), nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("reason", code_text(), nullable=False),
    Column("released_by", code_text()),
    Column("released_at", DateTime(timezone=True)),
    CheckConstraint("class IN ('access_records')", name="class"),
    CheckConstraint("last_day >= first_day", name="days"),
    CheckConstraint("btrim(reason) <> ''", name="reason"),
    CheckConstraint("(released_by IS NULL) = (released_at IS NULL)", name="released"),
)

# The settings as they were at the last look, secrets as keyed digests.
settings_digests = Table(
    "settings_digests",
    METADATA,
    Column("app", code_text(), primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("document", code_text(), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("octet_length(digest) = 32", name="digest_length"),
)
