"""Indexes of the look-ups: orders by merchant, status and time, and what a timeline asks for.

Revision: 0009
Follows: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_NEWEST = (sa.text("created_at DESC"), "order_id")


def upgrade() -> None:
    op.create_index("ix_payment_orders_site", "payment_orders", ["site_id", "status_group", *_NEWEST])
    op.create_index("ix_payment_orders_merchant_id", "payment_orders", ["merchant_id", *_NEWEST])
    op.create_index("ix_payment_orders_merchant_name", "payment_orders", ["merchant_name", *_NEWEST])
    for column in ("correlation_id", "partition_key"):
        op.create_index(
            f"ix_dead_letters_{column}",
            "dead_letters",
            [column],
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )
    op.create_index(
        "ix_audit_entries_target",
        "audit_entries",
        ["target_id"],
        postgresql_where=sa.text("chain = 'control'"),
    )


def downgrade() -> None:
    op.drop_index("ix_audit_entries_target", "audit_entries")
    for name in ("partition_key", "correlation_id"):
        op.drop_index(f"ix_dead_letters_{name}", "dead_letters")
    for name in ("merchant_name", "merchant_id", "site"):
        op.drop_index(f"ix_payment_orders_{name}", "payment_orders")
