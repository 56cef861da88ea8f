"""Outbox: what is to be told to the outside, written with the fact itself and delivered later."""

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Identity, Index, Integer, Table, text
from sqlalchemy.dialects.postgresql import JSONB

from shared.schema import METADATA, code_text

outbox = Table(
    "outbox",
    METADATA,
    Column("outbox_id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", code_text(), nullable=False),
    Column("dedupe_key", code_text(), nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("state", code_text(), nullable=False, server_default=text("'PENDING'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("available_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    CheckConstraint("state IN ('PENDING', 'SENT', 'DEAD')", name="state"),
    CheckConstraint("attempts >= 0", name="attempts"),
    CheckConstraint("(finished_at IS NULL) = (state = 'PENDING')", name="finished"),
    Index("uq_outbox_kind_dedupe_key", "kind", "dedupe_key", unique=True),
    Index("ix_outbox_available_at", "available_at", postgresql_where=text("state = 'PENDING'")),
)
