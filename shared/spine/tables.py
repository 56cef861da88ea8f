"""What stands around requests: answers kept for repeats, and refusals before anybody was known, counted."""

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
    text,
)

from shared.schema import METADATA, code_text

idempotency_keys = Table(
    "idempotency_keys",
    METADATA,
    Column("principal_id", code_text(), nullable=False),
    Column("idempotency_key", code_text(), nullable=False),
    Column("request_hash", LargeBinary, nullable=False),
    # The server's time: how long a key stands is decided by it.
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    # Absent only inside of the transaction that still acts.
    Column("status", SmallInteger),
    Column("body", LargeBinary),
    PrimaryKeyConstraint("principal_id", "idempotency_key"),
    CheckConstraint("octet_length(request_hash) = 32", name="hash_length"),
    CheckConstraint("status BETWEEN 200 AND 299", name="status"),
    CheckConstraint("(status IS NULL) = (body IS NULL)", name="answered"),
    CheckConstraint("length(idempotency_key) BETWEEN 1 AND 200", name="key_length"),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

# One row per address, code and minute, so that nobody who is unknown can fill the database.
refusal_counts = Table(
    "refusal_counts",
    METADATA,
    Column("minute", DateTime(timezone=True), nullable=False),
    Column("address", code_text(), nullable=False),
    Column("code", code_text(), nullable=False),
    Column("refusals", BigInteger, nullable=False),
    PrimaryKeyConstraint("minute", "address", "code"),
    CheckConstraint("refusals >= 1", name="refusals"),
    CheckConstraint("length(address) <= 64", name="address_length"),
)
