"""Loss proof: gaps in what was received, how far every partition was at the last look, when a site last sent.

Revision: 0003
Follows: 0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# A gap keeps its place, what is missing only shrinks, nothing comes back from CLOSED, and who accepted it, when and why
# stands once it is written.
GUARD = """
CREATE FUNCTION refuse_gap_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.position_id, OLD.first_number, OLD.last_number, OLD.found_at)
        <> (NEW.position_id, NEW.first_number, NEW.last_number, NEW.found_at) THEN
        RAISE EXCEPTION 'a gap keeps its place' USING ERRCODE = 'check_violation', CONSTRAINT = 'gap_place';
    END IF;
    IF NOT NEW.missing <@ OLD.missing THEN
        RAISE EXCEPTION 'what was received is not missing again'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'gap_missing';
    END IF;
    IF num_nonnulls(OLD.accepted_at, OLD.accepted_by, OLD.accepted_reason) > 0
        AND (OLD.accepted_at, OLD.accepted_by, OLD.accepted_reason)
            IS DISTINCT FROM (NEW.accepted_at, NEW.accepted_by, NEW.accepted_reason) THEN
        RAISE EXCEPTION 'who accepted a gap, when and why stands'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'gap_accepted';
    END IF;
    IF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
        ('OPEN', 'CLOSED'), ('OPEN', 'EXPIRED'), ('OPEN', 'ACCEPTED'),
        ('EXPIRED', 'CLOSED'), ('EXPIRED', 'ACCEPTED'), ('ACCEPTED', 'CLOSED')) THEN
        RAISE EXCEPTION 'a gap does not go from % to %', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'gap_move';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guarded_moves BEFORE UPDATE ON sequence_gaps FOR EACH ROW EXECUTE FUNCTION refuse_gap_move();
"""

# A generation that comes back (the hub was switched back) is seen again; nothing else of it changes.
PRIVILEGES = """
GRANT SELECT ON sequence_gaps, partition_heads TO counterfoil_app, counterfoil_auditor;
GRANT INSERT, UPDATE ON sequence_gaps, partition_heads TO counterfoil_app;
GRANT UPDATE (seen_at) ON hub_generations TO counterfoil_app;
"""


def upgrade() -> None:
    op.alter_column("sites", "silence_window_seconds", existing_type=sa.Integer(), nullable=True)
    op.add_column(
        "stream_positions",
        sa.Column(
            "site_times",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
    )
    _create_heads()
    _create_gaps()
    op.execute(GUARD)
    op.execute(PRIVILEGES)


def _create_heads() -> None:
    op.create_table(
        "partition_heads",
        sa.Column("hub", sa.Text(collation="C"), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("consumer_group", sa.Text(collation="C"), nullable=False),
        sa.Column("partition_id", sa.Text(collation="C"), nullable=False),
        sa.Column("own_number", sa.BigInteger(), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("behind_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hub_first_number", sa.BigInteger(), nullable=True),
        sa.Column("hub_last_number", sa.BigInteger(), nullable=True),
        sa.Column("hub_last_enqueued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(hub_first_number IS NULL) = (hub_last_number IS NULL)",
            name=op.f("ck_partition_heads_hub_numbers"),
        ),
        sa.CheckConstraint("behind_since >= moved_at", name=op.f("ck_partition_heads_behind_since")),
        sa.PrimaryKeyConstraint(
            "hub", "generation", "consumer_group", "partition_id", name=op.f("pk_partition_heads")
        ),
    )


def _create_gaps() -> None:
    op.create_table(
        "sequence_gaps",
        sa.Column("gap_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("position_id", sa.Integer(), nullable=False),
        sa.Column("first_number", sa.BigInteger(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("missing", postgresql.INT8MULTIRANGE(), nullable=False),
        sa.Column("expired", postgresql.INT8MULTIRANGE(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("state", sa.Text(collation="C"), server_default=sa.text("'OPEN'"), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.Column("accepted_reason", sa.Text(), nullable=True),
        sa.Column("replayed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replayed_by", sa.Text(), nullable=True),
        sa.Column("replayed_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "state IN ('OPEN', 'CLOSED', 'EXPIRED', 'ACCEPTED')", name=op.f("ck_sequence_gaps_state")
        ),
        sa.CheckConstraint(
            "first_number >= 0 AND first_number <= last_number", name=op.f("ck_sequence_gaps_numbers")
        ),
        sa.CheckConstraint(
            "missing <@ int8range(first_number, last_number, '[]')",
            name=op.f("ck_sequence_gaps_missing_inside"),
        ),
        sa.CheckConstraint("expired <@ missing", name=op.f("ck_sequence_gaps_expired_inside")),
        sa.CheckConstraint("(state = 'CLOSED') = isempty(missing)", name=op.f("ck_sequence_gaps_closed")),
        sa.CheckConstraint(
            "(closed_at IS NOT NULL) = (state = 'CLOSED')", name=op.f("ck_sequence_gaps_closed_at")
        ),
        sa.CheckConstraint("state <> 'OPEN' OR expired <> missing", name=op.f("ck_sequence_gaps_open")),
        sa.CheckConstraint(
            "state <> 'EXPIRED' OR (expired = missing AND expired_at IS NOT NULL)",
            name=op.f("ck_sequence_gaps_expired_whole"),
        ),
        sa.CheckConstraint(
            "state <> 'ACCEPTED' OR (accepted_at IS NOT NULL AND coalesce(btrim(accepted_by), '') <> ''"
            " AND coalesce(btrim(accepted_reason), '') <> '')",
            name=op.f("ck_sequence_gaps_accepted"),
        ),
        sa.CheckConstraint(
            "replayed_at IS NULL OR coalesce(btrim(replayed_by), '') <> ''",
            name=op.f("ck_sequence_gaps_replayed_by"),
        ),
        sa.ForeignKeyConstraint(
            ["position_id"], ["stream_positions.position_id"], name=op.f("fk_sequence_gaps_position_id")
        ),
        sa.PrimaryKeyConstraint("gap_id", name=op.f("pk_sequence_gaps")),
    )
    op.create_index("uq_sequence_gaps_place", "sequence_gaps", ["position_id", "first_number"], unique=True)


def downgrade() -> None:
    op.execute("REVOKE UPDATE ON hub_generations FROM counterfoil_app")
    op.drop_index("uq_sequence_gaps_place", table_name="sequence_gaps")
    op.drop_table("sequence_gaps")
    op.execute("DROP FUNCTION refuse_gap_move()")
    op.drop_table("partition_heads")
    op.drop_column("stream_positions", "site_times")
    op.execute("UPDATE sites SET silence_window_seconds = 3600 WHERE silence_window_seconds IS NULL")
    op.alter_column("sites", "silence_window_seconds", existing_type=sa.Integer(), nullable=False)
