"""Approvals and corrections: what two persons decide, and what it adds beside a row.

Revision: 0007
Follows: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Which way an approval goes; what was asked for and what was decided is never written anew.
APPROVALS = """
CREATE FUNCTION guard_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'PENDING' THEN
            RAISE EXCEPTION 'an approval begins as PENDING'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'approvals_edge';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) NOT IN (
        ('PENDING', 'APPROVED'), ('PENDING', 'REJECTED'), ('PENDING', 'WITHDRAWN'), ('PENDING', 'EXPIRED'),
        ('APPROVED', 'EXECUTED'), ('APPROVED', 'WITHDRAWN'), ('APPROVED', 'EXPIRED')) THEN
        RAISE EXCEPTION 'an approval does not go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'approvals_edge';
    END IF;
    IF (OLD.approval_id, OLD.kind, OLD.site_id, OLD.target_type, OLD.target_id, OLD.payload, OLD.payload_hash,
        OLD.base_version, OLD.reason, OLD.requested_by, OLD.requested_as, OLD.requested_at, OLD.expires_at)
       IS DISTINCT FROM
       (NEW.approval_id, NEW.kind, NEW.site_id, NEW.target_type, NEW.target_id, NEW.payload, NEW.payload_hash,
        NEW.base_version, NEW.reason, NEW.requested_by, NEW.requested_as, NEW.requested_at, NEW.expires_at)
       OR OLD.state = 'APPROVED' AND
       (OLD.decided_by, OLD.decided_as, OLD.decided_at, OLD.decision_reason)
       IS DISTINCT FROM
       (NEW.decided_by, NEW.decided_as, NEW.decided_at, NEW.decision_reason) THEN
        RAISE EXCEPTION 'what was asked for and decided stays as it is'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'approvals_fixed';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guarded BEFORE INSERT OR UPDATE ON approvals FOR EACH ROW EXECUTE FUNCTION guard_approval();
CREATE TRIGGER kept BEFORE DELETE ON approvals FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER kept_truncate BEFORE TRUNCATE ON approvals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

CORRECTIONS = """
CREATE FUNCTION guard_correction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'PENDING' THEN
            RAISE EXCEPTION 'a correction begins as PENDING'
                USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'corrections_edge';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) NOT IN (
        ('PENDING', 'APPROVED'), ('PENDING', 'REJECTED'), ('APPROVED', 'APPLIED'), ('APPROVED', 'REJECTED')) THEN
        RAISE EXCEPTION 'a correction does not go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'corrections_edge';
    END IF;
    IF (OLD.correction_id, OLD.approval_id, OLD.target_type, OLD.target_id, OLD.site_id, OLD.kind,
        OLD.amount_before, OLD.amount_delta, OLD.currency, OLD.note, OLD.evidence, OLD.reason, OLD.requested_by,
        OLD.requested_at)
       IS DISTINCT FROM
       (NEW.correction_id, NEW.approval_id, NEW.target_type, NEW.target_id, NEW.site_id, NEW.kind,
        NEW.amount_before, NEW.amount_delta, NEW.currency, NEW.note, NEW.evidence, NEW.reason, NEW.requested_by,
        NEW.requested_at) THEN
        RAISE EXCEPTION 'what a correction asks for stays as it is'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'corrections_fixed';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guarded BEFORE INSERT OR UPDATE ON corrections
    FOR EACH ROW EXECUTE FUNCTION guard_correction();
CREATE TRIGGER kept BEFORE DELETE ON corrections FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER kept_truncate BEFORE TRUNCATE ON corrections
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

# A correcting entry is what its correction asks for, and begins where the row and the entries before it end.
ENTRIES = """
CREATE FUNCTION refuse_unbalanced_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    original numeric;
    unit text;
    corrected numeric;
BEGIN
    IF NEW.target_type = 'LEDGER_ENTRY' THEN
        SELECT amount, currency INTO original, unit FROM public.ledger_entries WHERE tx_id = NEW.target_id;
    ELSE
        SELECT amount, currency INTO original, unit FROM public.payment_orders WHERE order_id = NEW.target_id;
    END IF;
    SELECT coalesce(sum(e.amount_delta), 0) INTO corrected FROM public.correction_entries AS e
        WHERE e.target_type = NEW.target_type AND e.target_id = NEW.target_id;
    IF original IS NULL OR NEW.amount_before <> original + corrected OR NEW.currency <> unit THEN
        RAISE EXCEPTION 'the entry does not begin where its target stands'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'correction_entries_balance';
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.corrections AS c WHERE c.correction_id = NEW.correction_id AND
        (c.approval_id, c.target_type, c.target_id, c.kind, c.amount_before, c.amount_delta, c.currency, c.note)
        IS NOT DISTINCT FROM (NEW.approval_id, NEW.target_type, NEW.target_id, NEW.kind, NEW.amount_before,
                              NEW.amount_delta, NEW.currency, NEW.note)) THEN
        RAISE EXCEPTION 'the entry is not what its correction asks for'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'correction_entries_asked';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER balanced BEFORE INSERT ON correction_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced_entry();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON correction_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON correction_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

# At the end of a transaction an approval, its correction and its entry tell one story, whoever wrote them.
FOLLOWS = """
CREATE FUNCTION refuse_loose_correction() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM public.approvals AS a
        LEFT JOIN public.corrections AS c ON c.approval_id = a.approval_id
        LEFT JOIN public.correction_entries AS e ON e.correction_id = c.correction_id
        WHERE a.approval_id = NEW.approval_id AND (
            (a.kind = 'CORRECTION') <> (c.correction_id IS NOT NULL)
            OR c.state <> CASE a.state WHEN 'PENDING' THEN 'PENDING' WHEN 'APPROVED' THEN 'APPROVED'
                                       WHEN 'EXECUTED' THEN 'APPLIED' ELSE 'REJECTED' END
            OR (c.state = 'APPLIED') <> (e.correction_id IS NOT NULL))) THEN
        RAISE EXCEPTION 'a correction stands as its approval stands, and is applied by its execution only'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'corrections_follow';
    END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER follows AFTER INSERT OR UPDATE ON approvals DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse_loose_correction();
CREATE CONSTRAINT TRIGGER follows AFTER INSERT OR UPDATE ON corrections DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse_loose_correction();
CREATE CONSTRAINT TRIGGER follows AFTER INSERT ON correction_entries DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION refuse_loose_correction();
"""

PRIVILEGES = """
GRANT SELECT ON approvals, corrections, correction_entries TO counterfoil_app, counterfoil_auditor;
GRANT INSERT ON approvals, corrections, correction_entries TO counterfoil_app;
GRANT UPDATE (state, decided_by, decided_as, decided_at, decision_reason, closed_by, closed_as, closed_at,
              close_reason) ON approvals TO counterfoil_app;
GRANT UPDATE (state, changed_at) ON corrections TO counterfoil_app;
"""


def upgrade() -> None:
    _create_approvals()
    _create_corrections()
    _create_entries()
    for rules in (APPROVALS, CORRECTIONS, ENTRIES, FOLLOWS, PRIVILEGES):
        op.execute(rules)


def _create_approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("site_id", sa.Text(collation="C"), nullable=True),
        sa.Column("target_type", sa.Text(collation="C"), nullable=False),
        sa.Column("target_id", sa.Text(collation="C"), nullable=True),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("payload_hash", sa.LargeBinary(), nullable=False),
        sa.Column("base_version", sa.Text(collation="C"), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(collation="C"), server_default=sa.text("'PENDING'"), nullable=False),
        sa.Column("requested_by", sa.Text(collation="C"), nullable=False),
        sa.Column("requested_as", sa.Text(collation="C"), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(collation="C"), nullable=True),
        sa.Column("decided_as", sa.Text(collation="C"), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("closed_by", sa.Text(collation="C"), nullable=True),
        sa.Column("closed_as", sa.Text(collation="C"), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('REPLAY', 'ACTIVATE_VERSION', 'CORRECTION', 'CHAIN_SEGMENT', 'POLICY', 'UNLOCK', 'FORCE_COMPLETE')",
            name=op.f("ck_approvals_kind"),
        ),
        sa.CheckConstraint(
            "state IN ('PENDING', 'APPROVED', 'REJECTED', 'EXECUTED', 'WITHDRAWN', 'EXPIRED')",
            name=op.f("ck_approvals_state"),
        ),
        sa.CheckConstraint("octet_length(payload) <= 65536", name=op.f("ck_approvals_payload_length")),
        sa.CheckConstraint("payload_hash = sha256(payload)", name=op.f("ck_approvals_payload_hash")),
        sa.CheckConstraint(
            "btrim(reason) <> '' AND btrim(decision_reason) <> '' AND btrim(close_reason) <> ''",
            name=op.f("ck_approvals_reason"),
        ),
        sa.CheckConstraint("decided_by <> requested_by", name=op.f("ck_approvals_four_eyes")),
        sa.CheckConstraint(
            "expires_at > requested_at AND expires_at <= requested_at + interval '720 hours'",
            name=op.f("ck_approvals_expiry"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(decided_by, decided_as, decided_at, decision_reason) IN (0, 4)"
            " AND (state <> 'PENDING' OR decided_at IS NULL)"
            " AND (state NOT IN ('APPROVED', 'REJECTED', 'EXECUTED') OR decided_at IS NOT NULL)",
            name=op.f("ck_approvals_decided"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(closed_by, closed_as, closed_at, close_reason) IN (0, 4)"
            " AND (state IN ('EXECUTED', 'WITHDRAWN', 'EXPIRED')) = (closed_at IS NOT NULL)",
            name=op.f("ck_approvals_closed"),
        ),
        sa.CheckConstraint(
            "decided_at < expires_at AND (state <> 'EXECUTED' OR closed_at < expires_at)"
            " AND (state <> 'EXPIRED' OR closed_at >= expires_at)",
            name=op.f("ck_approvals_in_time"),
        ),
        sa.CheckConstraint(
            "state <> 'WITHDRAWN' OR closed_by = requested_by", name=op.f("ck_approvals_withdrawn_by")
        ),
        sa.PrimaryKeyConstraint("approval_id", name=op.f("pk_approvals")),
    )
    op.create_index(
        "ix_approvals_requested_at",
        "approvals",
        [sa.literal_column("requested_at DESC"), "approval_id"],
        unique=False,
    )
    op.create_index(
        "ix_approvals_expires_at",
        "approvals",
        ["expires_at", "approval_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('PENDING', 'APPROVED')"),
    )


def _create_corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("correction_id", sa.Text(collation="C"), nullable=False),
        sa.Column("approval_id", sa.Text(collation="C"), nullable=False),
        sa.Column("target_type", sa.Text(collation="C"), nullable=False),
        sa.Column("target_id", sa.Text(collation="C"), nullable=False),
        sa.Column("site_id", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("amount_before", sa.Numeric(precision=28, scale=8), nullable=True),
        sa.Column("amount_delta", sa.Numeric(precision=28, scale=8), nullable=True),
        sa.Column("currency", sa.Text(collation="C"), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(collation="C"), server_default=sa.text("'PENDING'"), nullable=False),
        sa.Column("requested_by", sa.Text(collation="C"), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "target_type IN ('LEDGER_ENTRY', 'PAYMENT_ORDER')", name=op.f("ck_corrections_target_type")
        ),
        sa.CheckConstraint("kind IN ('ADJUST', 'REVERSE', 'ANNOTATE')", name=op.f("ck_corrections_kind")),
        sa.CheckConstraint(
            "state IN ('PENDING', 'APPROVED', 'APPLIED', 'REJECTED')", name=op.f("ck_corrections_state")
        ),
        sa.CheckConstraint(
            "num_nonnulls(amount_before, amount_delta, currency) = CASE kind WHEN 'ANNOTATE' THEN 0 ELSE 3 END",
            name=op.f("ck_corrections_amounts"),
        ),
        sa.CheckConstraint("amount_delta <> 0", name=op.f("ck_corrections_delta")),
        sa.CheckConstraint(
            "amount_before + amount_delta >= 0 AND amount_before + amount_delta < 1e20",
            name=op.f("ck_corrections_amount_after"),
        ),
        sa.CheckConstraint(
            "kind <> 'REVERSE' OR amount_before + amount_delta = 0", name=op.f("ck_corrections_reverse")
        ),
        sa.CheckConstraint(
            "kind <> 'ANNOTATE' OR coalesce(btrim(note), '') <> ''", name=op.f("ck_corrections_note")
        ),
        sa.CheckConstraint(
            "btrim(evidence) <> '' AND btrim(reason) <> ''", name=op.f("ck_corrections_grounds")
        ),
        sa.ForeignKeyConstraint(
            ["approval_id"], ["approvals.approval_id"], name=op.f("fk_corrections_approval_id")
        ),
        sa.PrimaryKeyConstraint("correction_id", name=op.f("pk_corrections")),
    )
    op.create_index("uq_corrections_approval_id", "corrections", ["approval_id"], unique=True)
    op.create_index(
        "uq_corrections_open",
        "corrections",
        ["target_type", "target_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('PENDING', 'APPROVED')"),
    )
    op.create_index(
        "ix_corrections_requested_at",
        "corrections",
        [sa.literal_column("requested_at DESC"), "correction_id"],
        unique=False,
    )
    op.create_index("ix_corrections_target", "corrections", ["target_type", "target_id"], unique=False)


def _create_entries() -> None:
    op.create_table(
        "correction_entries",
        sa.Column("correction_id", sa.Text(collation="C"), nullable=False),
        sa.Column("approval_id", sa.Text(collation="C"), nullable=False),
        sa.Column("target_type", sa.Text(collation="C"), nullable=False),
        sa.Column("target_id", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("amount_before", sa.Numeric(precision=28, scale=8), nullable=True),
        sa.Column("amount_delta", sa.Numeric(precision=28, scale=8), nullable=True),
        sa.Column(
            "amount_after",
            sa.Numeric(precision=28, scale=8),
            sa.Computed("amount_before + amount_delta", persisted=True),
            nullable=True,
        ),
        sa.Column("currency", sa.Text(collation="C"), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("base_digest", sa.LargeBinary(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "target_type IN ('LEDGER_ENTRY', 'PAYMENT_ORDER')",
            name=op.f("ck_correction_entries_target_type"),
        ),
        sa.CheckConstraint(
            "kind IN ('ADJUST', 'REVERSE', 'ANNOTATE')", name=op.f("ck_correction_entries_kind")
        ),
        sa.CheckConstraint(
            "num_nonnulls(amount_before, amount_delta, currency) = CASE kind WHEN 'ANNOTATE' THEN 0 ELSE 3 END",
            name=op.f("ck_correction_entries_amounts"),
        ),
        sa.CheckConstraint("amount_delta <> 0", name=op.f("ck_correction_entries_delta")),
        sa.CheckConstraint(
            "amount_before + amount_delta >= 0 AND amount_before + amount_delta < 1e20",
            name=op.f("ck_correction_entries_amount_after"),
        ),
        sa.CheckConstraint(
            "kind <> 'REVERSE' OR amount_before + amount_delta = 0",
            name=op.f("ck_correction_entries_reverse"),
        ),
        sa.CheckConstraint(
            "octet_length(base_digest) = 32", name=op.f("ck_correction_entries_digest_length")
        ),
        sa.ForeignKeyConstraint(
            ["correction_id"],
            ["corrections.correction_id"],
            name=op.f("fk_correction_entries_correction_id"),
        ),
        sa.PrimaryKeyConstraint("correction_id", name=op.f("pk_correction_entries")),
    )
    op.create_index(
        "ix_correction_entries_target",
        "correction_entries",
        ["target_type", "target_id", "applied_at"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("correction_entries")
    op.drop_table("corrections")
    op.drop_table("approvals")
    for function in (
        "refuse_loose_correction",
        "refuse_unbalanced_entry",
        "guard_correction",
        "guard_approval",
    ):
        op.execute(f"DROP FUNCTION {function}()")
