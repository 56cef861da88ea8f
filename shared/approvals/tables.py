"""Approvals: what was asked for, byte for byte, who decided, and what became of it. Triggers guard its way."""

from sqlalchemy import CheckConstraint, Column, DateTime, Index, LargeBinary, Table, Text, text

from shared.schema import METADATA, code_text

_STAMP = DateTime(timezone=True)

approvals = Table(
    "approvals",
    METADATA,
    Column("approval_id", code_text(), primary_key=True),
    Column("kind", code_text(), nullable=False),
    # Null: what it is about belongs to no site, so only who holds all sites sees it.
    Column("site_id", code_text()),
    Column("target_type", code_text(), nullable=False),
    Column("target_id", code_text()),
    # The bytes that were hashed, not JSON the database would write anew.
    Column("payload", LargeBinary, nullable=False),
    Column("payload_hash", LargeBinary, nullable=False),
    Column("base_version", code_text()),
    Column("reason", Text, nullable=False),
    Column("state", code_text(), nullable=False, server_default=text("'PENDING'")),
    # Principals by id, and by the name the audit record knows them under.
    Column("requested_by", code_text(), nullable=False),
    Column("requested_as", code_text(), nullable=False),
    Column("requested_at", _STAMP, nullable=False),
    Column("expires_at", _STAMP, nullable=False),
    Column("decided_by", code_text()),
    Column("decided_as", code_text()),
    Column("decided_at", _STAMP),
    Column("decision_reason", Text),
    Column("closed_by", code_text()),
    Column("closed_as", code_text()),
    Column("closed_at", _STAMP),
    Column("close_reason", Text),
    CheckConstraint(
        "kind IN ('REPLAY', 'ACTIVATE_VERSION', 'CORRECTION', 'CHAIN_SEGMENT', 'POLICY', 'UNLOCK',"
        " 'FORCE_COMPLETE')",
        name="kind",
    ),
    CheckConstraint(
        "state IN ('PENDING', 'APPROVED', 'REJECTED', 'EXECUTED', 'WITHDRAWN', 'EXPIRED')", name="state"
    ),
    CheckConstraint("octet_length(payload) <= 65536", name="payload_length"),
    CheckConstraint("payload_hash = sha256(payload)", name="payload_hash"),
    CheckConstraint(
        "btrim(reason) <> '' AND btrim(decision_reason) <> '' AND btrim(close_reason) <> ''", name="reason"
    ),
    CheckConstraint("decided_by <> requested_by", name="four_eyes"),
    CheckConstraint(
        "expires_at > requested_at AND expires_at <= requested_at + interval '720 hours'", name="expiry"
    ),
    CheckConstraint(
        "num_nonnulls(decided_by, decided_as, decided_at, decision_reason) IN (0, 4)"
        " AND (state <> 'PENDING' OR decided_at IS NULL)"
        " AND (state NOT IN ('APPROVED', 'REJECTED', 'EXECUTED') OR decided_at IS NOT NULL)",
        name="decided",
    ),
    CheckConstraint(
        "num_nonnulls(closed_by, closed_as, closed_at, close_reason) IN (0, 4)"
        " AND (state IN ('EXECUTED', 'WITHDRAWN', 'EXPIRED')) = (closed_at IS NOT NULL)",
        name="closed",
    ),
    CheckConstraint(
        "decided_at < expires_at AND (state <> 'EXECUTED' OR closed_at < expires_at)"
        " AND (state <> 'EXPIRED' OR closed_at >= expires_at)",
        name="in_time",
    ),
    CheckConstraint("state <> 'WITHDRAWN' OR closed_by = requested_by", name="withdrawn_by"),
    Index("ix_approvals_requested_at", text("requested_at DESC"), "approval_id"),
    Index(
        "ix_approvals_expires_at",
        "expires_at",
        "approval_id",
        postgresql_where=text("state IN ('PENDING', 'APPROVED')"),
    ),
)
