"""Backfill runs: how far the loading of a dump is, and what became of its lines.

Revision: 0008
Follows: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COUNTS = ("lines_read", "applied", "superseded", "duplicate", "dead_lettered", "skipped")
RULES = """
GRANT SELECT ON backfill_runs TO counterfoil_app, counterfoil_auditor;
GRANT INSERT, UPDATE ON backfill_runs TO counterfoil_app;
"""


def _checks() -> list[sa.CheckConstraint]:
    rules = {
        "stream": "stream IN ('ledger', 'payment_order')",
        "format": "format IN ('ndjson', 'csv', 'csv-semicolon', 'tsv')",
        "state": "state IN ('RUNNING', 'DONE')",
        "finished": "(finished_at IS NOT NULL) = (state = 'DONE')",
        "file": "octet_length(file_sha256) = 32 AND file_bytes >= 0",
        "position": "position_bytes >= 0 AND position_line >= 0",
        **{name: f"{name} >= 0" for name in COUNTS},
        "every_line": "lines_read = applied + superseded + duplicate + dead_lettered + skipped",
    }
    return [sa.CheckConstraint(rule, name=op.f(f"ck_backfill_runs_{name}")) for name, rule in rules.items()]


def upgrade() -> None:
    code, stamp = sa.Text(collation="C"), sa.DateTime(timezone=True)
    op.create_table(
        "backfill_runs",
        sa.Column("run_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("stream", code, nullable=False),
        sa.Column("profile", code, nullable=False),
        sa.Column("format", code, nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("file_bytes", sa.BigInteger(), nullable=False),
        sa.Column("event_since", code, nullable=False),
        sa.Column("event_until", code, nullable=False),
        sa.Column("state", code, server_default=sa.text("'RUNNING'"), nullable=False),
        *[
            sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
            for name in ("position_bytes", "position_line", *COUNTS)
        ],
        sa.Column("started_at", stamp, nullable=False),
        sa.Column("started_by", sa.Text(), nullable=False),
        sa.Column("updated_at", stamp, nullable=False),
        sa.Column("finished_at", stamp, nullable=True),
        *_checks(),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_backfill_runs")),
    )
    op.create_index(
        "uq_backfill_runs_unfinished",
        "backfill_runs",
        ["file_sha256", "stream", "profile", "format", "event_since", "event_until"],
        unique=True,
        postgresql_where=sa.text("state = 'RUNNING'"),
    )
    op.execute(RULES)


def downgrade() -> None:
    op.drop_index("uq_backfill_runs_unfinished", table_name="backfill_runs")
    op.drop_table("backfill_runs")
