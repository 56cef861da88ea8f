"""Corrections and the entries they add. Triggers keep a correction where its approval stands, and totals balanced."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Numeric,
    Table,
    Text,
    text,
)

from shared.schema import METADATA, code_text

_STAMP = DateTime(timezone=True)
_TARGETS = "target_type IN ('LEDGER_ENTRY', 'PAYMENT_ORDER')"
_KINDS = "kind IN ('ADJUST', 'REVERSE', 'ANNOTATE')"
_AMOUNTS = "num_nonnulls(amount_before, amount_delta, currency) = CASE kind WHEN 'ANNOTATE' THEN 0 ELSE 3 END"
_AFTER = "amount_before + amount_delta >= 0 AND amount_before + amount_delta < 1e20"
_REVERSE = "kind <> 'REVERSE' OR amount_before + amount_delta = 0"

corrections = Table(
    "corrections",
    METADATA,
    Column("correction_id", code_text(), primary_key=True),
    Column("approval_id", code_text(), ForeignKey("approvals.approval_id"), nullable=False),
    Column("target_type", code_text(), nullable=False),
    Column("target_id", code_text(), nullable=False),
    Column("site_id", code_text(), nullable=False),
    Column("kind", code_text(), nullable=False),
    # Where the target stood with its earlier corrections, and what is added to it.
    Column("amount_before", Numeric(28, 8)),
    Column("amount_delta", Numeric(28, 8)),
    Column("currency", code_text()),
    Column("note", Text),
    Column("evidence", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", code_text(), nullable=False, server_default=text("'PENDING'")),
    Column("requested_by", code_text(), nullable=False),
    Column("requested_at", _STAMP, nullable=False),
    Column("changed_at", _STAMP, nullable=False),
    CheckConstraint(_TARGETS, name="target_type"),
    CheckConstraint(_KINDS, name="kind"),
    CheckConstraint("state IN ('PENDING', 'APPROVED', 'APPLIED', 'REJECTED')", name="state"),
    CheckConstraint(_AMOUNTS, name="amounts"),
    CheckConstraint("amount_delta <> 0", name="delta"),
    CheckConstraint(_AFTER, name="amount_after"),
    CheckConstraint(_REVERSE, name="reverse"),
    CheckConstraint("kind <> 'ANNOTATE' OR coalesce(btrim(note), '') <> ''", name="note"),
    CheckConstraint("btrim(evidence) <> '' AND btrim(reason) <> ''", name="grounds"),
    Index("uq_corrections_approval_id", "approval_id", unique=True),
    Index(
        "uq_corrections_open",
        "target_type",
        "target_id",
        unique=True,
        postgresql_where=text("state IN ('PENDING', 'APPROVED')"),
    ),
    Index("ix_corrections_requested_at", text("requested_at DESC"), "correction_id"),
    Index("ix_corrections_target", "target_type", "target_id"),
)

correction_entries = Table(
    "correction_entries",
    METADATA,
    Column("correction_id", code_text(), ForeignKey("corrections.correction_id"), primary_key=True),
    Column("approval_id", code_text(), nullable=False),
    Column("target_type", code_text(), nullable=False),
    Column("target_id", code_text(), nullable=False),
    Column("kind", code_text(), nullable=False),
    Column("amount_before", Numeric(28, 8)),
    Column("amount_delta", Numeric(28, 8)),
    Column("amount_after", Numeric(28, 8), Computed("amount_before + amount_delta", persisted=True)),
    Column("currency", code_text()),
    Column("note", Text),
    # The target as it was: a later version of it is shown as another one.
    Column("base_digest", LargeBinary, nullable=False),
    Column("applied_at", _STAMP, nullable=False),
    CheckConstraint(_TARGETS, name="target_type"),
    CheckConstraint(_KINDS, name="kind"),
    CheckConstraint(_AMOUNTS, name="amounts"),
    CheckConstraint("amount_delta <> 0", name="delta"),
    CheckConstraint(_AFTER, name="amount_after"),
    CheckConstraint(_REVERSE, name="reverse"),
    CheckConstraint("octet_length(base_digest) = 32", name="digest_length"),
    Index("ix_correction_entries_target", "target_type", "target_id", "applied_at"),
)
