"""Reject ceilings: how much of a batch may be bad, for a time and with a reason.

Revision: 0002
Follows: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

RULES = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON reject_ceilings
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON reject_ceilings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
GRANT SELECT ON reject_ceilings TO counterfoil_app, counterfoil_auditor;
GRANT INSERT ON reject_ceilings TO counterfoil_app;
"""


def upgrade() -> None:
    op.create_table(
        "reject_ceilings",
        sa.Column("ceiling_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("stream", sa.Text(collation="C"), nullable=False),
        sa.Column("hub", sa.Text(collation="C"), nullable=False),
        sa.Column("partition_id", sa.Text(collation="C"), nullable=True),
        sa.Column("share", sa.Numeric(precision=5, scale=4), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stream IN ('ledger', 'payment_order')", name=op.f("ck_reject_ceilings_stream")),
        sa.CheckConstraint("share > 0 AND share <= 1", name=op.f("ck_reject_ceilings_share")),
        sa.CheckConstraint("(share IS NULL) = (valid_until IS NULL)", name=op.f("ck_reject_ceilings_ended")),
        sa.CheckConstraint(
            "valid_until > valid_from AND valid_until <= valid_from + interval '168 hours'",
            name=op.f("ck_reject_ceilings_time"),
        ),
        sa.CheckConstraint("btrim(reason) <> ''", name=op.f("ck_reject_ceilings_reason")),
        sa.CheckConstraint("btrim(set_by) <> ''", name=op.f("ck_reject_ceilings_set_by")),
        sa.PrimaryKeyConstraint("ceiling_id", name=op.f("pk_reject_ceilings")),
    )
    op.create_index(
        "ix_reject_ceilings_stream_hub", "reject_ceilings", ["stream", "hub", "ceiling_id"], unique=False
    )
    op.execute(RULES)


def downgrade() -> None:
    op.drop_index("ix_reject_ceilings_stream_hub", table_name="reject_ceilings")
    op.drop_table("reject_ceilings")
