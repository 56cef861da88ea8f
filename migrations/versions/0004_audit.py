"""Audit: the hash-linked record of who did what, append-only.

Revision: 0004
Follows: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Unique keys refuse a fork; this refuses a hole, a link to nothing and a time that falls, whoever inserts.
LINK = """
CREATE FUNCTION refuse_loose_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.position > 1 AND NOT EXISTS (
        SELECT FROM public.audit_entries AS last WHERE last.chain = NEW.chain AND last.position = NEW.position - 1
            AND last.hash = NEW.previous_hash AND last.appended_at <= NEW.appended_at) THEN
        RAISE EXCEPTION 'the entry does not follow the last of its chain'
            USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = 'audit_entries_link';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER linked BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION refuse_loose_entry();
"""

RULES = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON audit_entries TO counterfoil_app, counterfoil_auditor;
GRANT INSERT ON audit_entries TO counterfoil_app;
"""


def upgrade() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("chain", sa.Text(collation="C"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("appended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(collation="C"), nullable=False),
        sa.Column("principal_type", sa.Text(collation="C"), nullable=False),
        sa.Column("role", sa.Text(collation="C"), nullable=True),
        sa.Column("site_id", sa.Text(collation="C"), nullable=True),
        sa.Column("action", sa.Text(collation="C"), nullable=False),
        sa.Column("target_type", sa.Text(collation="C"), nullable=False),
        sa.Column("target_id", sa.Text(collation="C"), nullable=True),
        sa.Column("outcome", sa.Text(collation="C"), nullable=False),
        sa.Column("reason", sa.Text(collation="C"), nullable=True),
        sa.Column("before", sa.Text(collation="C"), nullable=True),
        sa.Column("after", sa.Text(collation="C"), nullable=True),
        sa.Column("request_id", sa.Text(collation="C"), nullable=True),
        sa.Column("idempotency_key", sa.Text(collation="C"), nullable=True),
        sa.Column("approval_id", sa.Text(collation="C"), nullable=True),
        sa.Column("client_address", sa.Text(collation="C"), nullable=True),
        sa.Column("user_agent", sa.Text(collation="C"), nullable=True),
        sa.Column("canonical", sa.LargeBinary(), nullable=False),
        sa.Column("hash_version", sa.SmallInteger(), nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("chain IN ('control', 'access')", name=op.f("ck_audit_entries_chain")),
        sa.CheckConstraint("position >= 1", name=op.f("ck_audit_entries_position")),
        sa.CheckConstraint(
            "btrim(actor) <> '' AND btrim(target_type) <> ''", name=op.f("ck_audit_entries_named")
        ),
        sa.CheckConstraint(
            "principal_type IN ('PERSON', 'SERVICE', 'SYSTEM')", name=op.f("ck_audit_entries_principal_type")
        ),
        sa.CheckConstraint("action ~ '^[a-z_]+:[a-z_]+:[a-z_]+$'", name=op.f("ck_audit_entries_action")),
        sa.CheckConstraint("outcome IN ('DONE', 'DENIED', 'FAILED')", name=op.f("ck_audit_entries_outcome")),
        sa.CheckConstraint(
            "chain <> 'control' OR outcome = 'DENIED' OR coalesce(btrim(reason), '') <> ''",
            name=op.f("ck_audit_entries_reason"),
        ),
        sa.CheckConstraint(
            "octet_length(canonical) <= 262144", name=op.f("ck_audit_entries_canonical_length")
        ),
        sa.CheckConstraint(
            "octet_length(previous_hash) = 32", name=op.f("ck_audit_entries_previous_hash_length")
        ),
        sa.CheckConstraint("hash_version = 1", name=op.f("ck_audit_entries_hash_version")),
        sa.CheckConstraint(
            "(position = 1) = (previous_hash = decode(repeat('00', 32), 'hex'))",
            name=op.f("ck_audit_entries_genesis"),
        ),
        sa.CheckConstraint(
            "hash = sha256(decode('01', 'hex') || previous_hash || canonical)",
            name=op.f("ck_audit_entries_hash"),
        ),
        sa.PrimaryKeyConstraint("chain", "position", name=op.f("pk_audit_entries")),
    )
    op.create_index(
        "uq_audit_entries_chain_previous_hash", "audit_entries", ["chain", "previous_hash"], unique=True
    )
    op.execute(LINK)
    op.execute(RULES)


def downgrade() -> None:
    op.drop_index("uq_audit_entries_chain_previous_hash", table_name="audit_entries")
    op.drop_table("audit_entries")
    op.execute("DROP FUNCTION refuse_loose_entry()")
