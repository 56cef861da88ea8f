"""Foundations: sites, business rows, evidence, positions, dead letters, findings, pairs, outbox.

Revision: 0001
Follows:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

EVIDENCE = """
CREATE TABLE applied_records_default PARTITION OF applied_records DEFAULT;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON applied_records
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON applied_records
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION ensure_evidence_partitions(first_month date, months integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    month date;
    starts timestamptz;
    ends timestamptz;
    partition_name text;
    made integer := 0;
BEGIN
    IF months NOT BETWEEN 1 AND 24 THEN
        RAISE EXCEPTION 'months must be 1 to 24, not %', months USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR month IN SELECT generate_series(
        date_trunc('month', first_month::timestamp),
        date_trunc('month', first_month::timestamp) + make_interval(months => months - 1),
        interval '1 month')::date
    LOOP
        partition_name := 'applied_records_' || to_char(month, 'YYYY_MM');
        CONTINUE WHEN to_regclass('public.' || partition_name) IS NOT NULL;
        starts := month::timestamp AT TIME ZONE 'UTC';
        ends := (month::timestamp + interval '1 month') AT TIME ZONE 'UTC';
        -- A month that began in the default partition stays there: its own would have to take those rows over.
        CONTINUE WHEN EXISTS (
            SELECT FROM public.applied_records_default WHERE applied_at >= starts AND applied_at < ends);
        EXECUTE format(
            'CREATE TABLE IF NOT EXISTS public.%I PARTITION OF public.applied_records FOR VALUES FROM (%L) TO (%L)',
            partition_name, starts, ends);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION ensure_evidence_partitions(date, integer) FROM PUBLIC;
SELECT ensure_evidence_partitions(current_date, 3);
"""

PRIVILEGES = """
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
-- By name, and not only as the database's owner: a copy or a restore may belong to somebody else.
GRANT USAGE, CREATE ON SCHEMA public TO counterfoil_migrator;
GRANT USAGE ON SCHEMA public TO counterfoil_app, counterfoil_auditor;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO counterfoil_app, counterfoil_auditor;
GRANT INSERT, UPDATE ON sites, ledger_entries, payment_orders, pairs, stream_positions, dead_letters, outbox
    TO counterfoil_app;
GRANT INSERT ON applied_records, sync_findings, hub_generations TO counterfoil_app;
GRANT EXECUTE ON FUNCTION ensure_evidence_partitions(date, integer) TO counterfoil_app;
"""


def upgrade() -> None:
    op.create_table(
        "applied_records",
        sa.Column("record_key", sa.Text(collation="C"), nullable=False),
        sa.Column("position_id", sa.Integer(), nullable=True),
        sa.Column("sequence_number", sa.BigInteger(), nullable=True),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("order_status", sa.Text(), nullable=True),
        sa.Column("is_order", sa.Boolean(), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=False),
        postgresql_partition_by="RANGE (applied_at)",
    )
    op.create_index("ix_applied_records_record_key", "applied_records", ["record_key"], unique=False)
    op.create_table(
        "dead_letters",
        sa.Column("dead_letter_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("stream", sa.Text(collation="C"), nullable=False),
        sa.Column("hub", sa.Text(collation="C"), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("partition_id", sa.Text(collation="C"), nullable=False),
        sa.Column("sequence_number", sa.BigInteger(), nullable=False),
        sa.Column("event_offset", sa.Text(collation="C"), nullable=False),
        sa.Column("partition_key", sa.Text(), nullable=True),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("properties", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("error_code", sa.Text(collation="C"), nullable=False),
        sa.Column("error_field", sa.Text(), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(collation="C"), nullable=False),
        sa.Column("correlation_id", sa.Text(collation="C"), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("status", sa.Text(collation="C"), server_default=sa.text("'NEW'"), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(closed_at IS NULL) = (status = 'NEW')", name=op.f("ck_dead_letters_closed")),
        sa.CheckConstraint(
            "status <> 'DISCARDED' OR coalesce(btrim(closed_reason), '') <> ''",
            name=op.f("ck_dead_letters_discard_reason"),
        ),
        sa.CheckConstraint(
            "status IN ('NEW', 'REPLAYED', 'RESOLVED', 'DISCARDED')", name=op.f("ck_dead_letters_status")
        ),
        sa.CheckConstraint("stream IN ('ledger', 'payment_order')", name=op.f("ck_dead_letters_stream")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_dead_letters_attempts")),
        sa.CheckConstraint("octet_length(body_sha256) = 32", name=op.f("ck_dead_letters_digest_length")),
        sa.PrimaryKeyConstraint("dead_letter_id", name=op.f("pk_dead_letters")),
    )
    op.create_index(
        "ix_dead_letters_status_created_at", "dead_letters", ["status", "created_at"], unique=False
    )
    op.create_index(
        "uq_dead_letters_place",
        "dead_letters",
        ["hub", "generation", "partition_id", "sequence_number"],
        unique=True,
    )
    op.create_table(
        "hub_generations",
        sa.Column("hub", sa.Text(collation="C"), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("hub_created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("generation >= 1", name=op.f("ck_hub_generations_generation")),
        sa.PrimaryKeyConstraint("hub", "generation", name=op.f("pk_hub_generations")),
    )
    op.create_index(
        "uq_hub_generations_hub_hub_created_at", "hub_generations", ["hub", "hub_created_at"], unique=True
    )
    op.create_table(
        "ledger_entries",
        sa.Column("tx_id", sa.Text(collation="C"), nullable=False),
        sa.Column("wallet_id", sa.Text(collation="C"), nullable=False),
        sa.Column("entry_type", sa.Text(collation="C"), nullable=False),
        sa.Column("amount", sa.Numeric(precision=28, scale=8), nullable=False),
        sa.Column("amount_signed", sa.Numeric(precision=28, scale=8), nullable=True),
        sa.Column("currency", sa.Text(collation="C"), nullable=False),
        sa.Column("related_id", sa.Text(collation="C"), nullable=True),
        sa.Column("related_type", sa.Text(collation="C"), nullable=True),
        sa.Column("event_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("site_id", sa.Text(collation="C"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sequence_number", sa.BigInteger(), nullable=True),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("correlation_id", sa.Text(collation="C"), nullable=True),
        sa.Column("first_ingested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ingested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_change", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("previous_site_id", sa.Text(collation="C"), nullable=True),
        sa.Column("previous_related_id", sa.Text(collation="C"), nullable=True),
        sa.CheckConstraint(
            "(enqueued_at IS NULL) = (sequence_number IS NULL)", name=op.f("ck_ledger_entries_position")
        ),
        sa.CheckConstraint("amount >= 0 AND amount < 1e20", name=op.f("ck_ledger_entries_amount")),
        sa.CheckConstraint(
            "amount_signed > -1e20 AND amount_signed < 1e20", name=op.f("ck_ledger_entries_amount_signed")
        ),
        sa.CheckConstraint("octet_length(content_digest) = 32", name=op.f("ck_ledger_entries_digest_length")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_ledger_entries_version")),
        sa.PrimaryKeyConstraint("tx_id", name=op.f("pk_ledger_entries")),
    )
    op.create_index(
        "ix_ledger_entries_related_id",
        "ledger_entries",
        ["related_id"],
        unique=False,
        postgresql_where=sa.text("related_id IS NOT NULL"),
    )
    op.create_index(
        "ix_ledger_entries_wallet",
        "ledger_entries",
        ["wallet_id", sa.literal_column("event_time DESC"), "tx_id"],
        unique=False,
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("dedupe_key", sa.Text(collation="C"), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(collation="C"), server_default=sa.text("'PENDING'"), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(finished_at IS NULL) = (state = 'PENDING')", name=op.f("ck_outbox_finished")),
        sa.CheckConstraint("state IN ('PENDING', 'SENT', 'DEAD')", name=op.f("ck_outbox_state")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_outbox_attempts")),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
    )
    op.create_index(
        "ix_outbox_available_at",
        "outbox",
        ["available_at"],
        unique=False,
        postgresql_where=sa.text("state = 'PENDING'"),
    )
    op.create_index("uq_outbox_kind_dedupe_key", "outbox", ["kind", "dedupe_key"], unique=True)
    op.create_table(
        "pairs",
        sa.Column("order_id", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text(collation="C"), nullable=False),
        sa.Column(
            "anomalies", sa.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("payment_tx_id", sa.Text(collation="C"), nullable=True),
        sa.Column("receive_tx_id", sa.Text(collation="C"), nullable=True),
        sa.Column("sender_wallet_id", sa.Text(collation="C"), nullable=True),
        sa.Column("receiver_wallet_id", sa.Text(collation="C"), nullable=True),
        sa.Column("amount", sa.Numeric(precision=28, scale=8), nullable=True),
        sa.Column("currency", sa.Text(collation="C"), nullable=True),
        sa.Column("order_status", sa.Text(), nullable=True),
        sa.Column("order_status_group", sa.Text(collation="C"), nullable=True),
        sa.Column("site_id", sa.Text(collation="C"), nullable=True),
        sa.Column("payment_event_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("receive_event_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "time_to_complete_seconds",
            sa.Numeric(),
            sa.Computed("extract(epoch FROM (receive_event_time - payment_event_time))", persisted=True),
            nullable=True,
        ),
        sa.Column("incomplete_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(completed_at IS NOT NULL) = (state = 'COMPLETE')", name=op.f("ck_pairs_completed")
        ),
        sa.CheckConstraint(
            "(incomplete_since IS NOT NULL) = (state = 'INCOMPLETE')", name=op.f("ck_pairs_incomplete")
        ),
        sa.CheckConstraint(
            "(state = 'COMPLETE') = (payment_tx_id IS NOT NULL AND receive_tx_id IS NOT NULL) AND (state = 'OPEN') = (payment_tx_id IS NULL AND receive_tx_id IS NULL)",
            name=op.f("ck_pairs_state_legs"),
        ),
        sa.CheckConstraint(
            "anomalies <@ ARRAY['DUPLICATE_PAYMENT', 'DUPLICATE_RECEIVE', 'AMOUNT_MISMATCH', 'CURRENCY_MISMATCH', 'ORDER_MISSING', 'SITE_MISMATCH']",
            name=op.f("ck_pairs_anomalies"),
        ),
        sa.CheckConstraint("overdue_at IS NULL OR state = 'INCOMPLETE'", name=op.f("ck_pairs_overdue")),
        sa.CheckConstraint("state IN ('OPEN', 'INCOMPLETE', 'COMPLETE')", name=op.f("ck_pairs_state")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_pairs")),
    )
    op.create_index(
        "ix_pairs_anomalies",
        "pairs",
        ["order_id"],
        unique=False,
        postgresql_where=sa.text("anomalies <> '{}'"),
    )
    op.create_index(
        "ix_pairs_incomplete_since",
        "pairs",
        ["incomplete_since"],
        unique=False,
        postgresql_where=sa.text("state = 'INCOMPLETE'"),
    )
    op.create_table(
        "payment_orders",
        sa.Column("order_id", sa.Text(collation="C"), nullable=False),
        sa.Column("amount", sa.Numeric(precision=28, scale=8), nullable=False),
        sa.Column("currency", sa.Text(collation="C"), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_group", sa.Text(collation="C"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("user_id", sa.Text(collation="C"), nullable=True),
        sa.Column("merchant_name", sa.Text(), nullable=True),
        sa.Column("merchant_id", sa.Text(collation="C"), nullable=True),
        sa.Column("site_id", sa.Text(collation="C"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("enqueued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sequence_number", sa.BigInteger(), nullable=True),
        sa.Column("content_digest", sa.LargeBinary(), nullable=False),
        sa.Column("correlation_id", sa.Text(collation="C"), nullable=True),
        sa.Column("first_ingested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ingested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_change", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("previous_site_id", sa.Text(collation="C"), nullable=True),
        sa.CheckConstraint(
            "status_group IN ('SUCCESS', 'FAIL', 'IN_PROGRESS', 'UNKNOWN')",
            name=op.f("ck_payment_orders_status_group"),
        ),
        sa.CheckConstraint(
            "(enqueued_at IS NULL) = (sequence_number IS NULL)", name=op.f("ck_payment_orders_position")
        ),
        sa.CheckConstraint("amount >= 0 AND amount < 1e20", name=op.f("ck_payment_orders_amount")),
        sa.CheckConstraint("octet_length(content_digest) = 32", name=op.f("ck_payment_orders_digest_length")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_payment_orders_version")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_payment_orders")),
    )
    op.create_table(
        "sites",
        sa.Column("site_id", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(collation="C"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("pair_window_seconds", sa.Integer(), server_default=sa.text("900"), nullable=False),
        sa.Column("silence_window_seconds", sa.Integer(), server_default=sa.text("3600"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "site_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$'", name=op.f("ck_sites_site_id_form")
        ),
        sa.CheckConstraint("pair_window_seconds BETWEEN 1 AND 31536000", name=op.f("ck_sites_pair_window")),
        sa.CheckConstraint(
            "silence_window_seconds BETWEEN 1 AND 31536000", name=op.f("ck_sites_silence_window")
        ),
        sa.PrimaryKeyConstraint("site_id", name=op.f("pk_sites")),
    )
    op.create_table(
        "stream_positions",
        sa.Column("position_id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("stream", sa.Text(collation="C"), nullable=False),
        sa.Column("hub", sa.Text(collation="C"), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("consumer_group", sa.Text(collation="C"), nullable=False),
        sa.Column("partition_id", sa.Text(collation="C"), nullable=False),
        sa.Column("received", postgresql.INT8MULTIRANGE(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("last_enqueued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("newest_event_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("superseded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("duplicate", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("dead_lettered", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("redelivered", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("records_applied", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("records_superseded", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("records_duplicate", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_counts", sa.ARRAY(sa.BigInteger()), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stream IN ('ledger', 'payment_order')", name=op.f("ck_stream_positions_stream")),
        sa.CheckConstraint("applied >= 0", name=op.f("ck_stream_positions_applied")),
        sa.CheckConstraint("dead_lettered >= 0", name=op.f("ck_stream_positions_dead_lettered")),
        sa.CheckConstraint("duplicate >= 0", name=op.f("ck_stream_positions_duplicate")),
        sa.CheckConstraint("records_applied >= 0", name=op.f("ck_stream_positions_records_applied")),
        sa.CheckConstraint("records_duplicate >= 0", name=op.f("ck_stream_positions_records_duplicate")),
        sa.CheckConstraint("records_superseded >= 0", name=op.f("ck_stream_positions_records_superseded")),
        sa.CheckConstraint("redelivered >= 0", name=op.f("ck_stream_positions_redelivered")),
        sa.CheckConstraint("superseded >= 0", name=op.f("ck_stream_positions_superseded")),
        sa.PrimaryKeyConstraint("position_id", name=op.f("pk_stream_positions")),
    )
    op.create_index(
        "uq_stream_positions_partition",
        "stream_positions",
        ["hub", "generation", "consumer_group", "partition_id"],
        unique=True,
    )
    op.create_table(
        "sync_findings",
        sa.Column("finding_id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("stream", sa.Text(collation="C"), nullable=False),
        sa.Column("record_key", sa.Text(collation="C"), nullable=False),
        sa.Column("position_id", sa.Integer(), nullable=True),
        sa.Column("sequence_number", sa.BigInteger(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "kind IN ('REVISION_CONFLICT', 'SITE_CHANGED')", name=op.f("ck_sync_findings_kind")
        ),
        sa.CheckConstraint("stream IN ('ledger', 'payment_order')", name=op.f("ck_sync_findings_stream")),
        sa.ForeignKeyConstraint(
            ["position_id"], ["stream_positions.position_id"], name=op.f("fk_sync_findings_position_id")
        ),
        sa.PrimaryKeyConstraint("finding_id", name=op.f("pk_sync_findings")),
    )
    op.create_index(
        "uq_sync_findings_place",
        "sync_findings",
        ["kind", "record_key", "position_id", "sequence_number"],
        unique=True,
    )
    op.execute(EVIDENCE)
    op.execute(PRIVILEGES)


def downgrade() -> None:
    op.execute("DROP FUNCTION ensure_evidence_partitions(date, integer)")
    op.drop_index("uq_sync_findings_place", table_name="sync_findings")
    op.drop_table("sync_findings")
    op.drop_index("uq_stream_positions_partition", table_name="stream_positions")
    op.drop_table("stream_positions")
    op.drop_table("sites")
    op.drop_table("payment_orders")
    op.drop_index(
        "ix_pairs_incomplete_since", table_name="pairs", postgresql_where=sa.text("state = 'INCOMPLETE'")
    )
    op.drop_index("ix_pairs_anomalies", table_name="pairs", postgresql_where=sa.text("anomalies <> '{}'"))
    op.drop_table("pairs")
    op.drop_index("uq_outbox_kind_dedupe_key", table_name="outbox")
    op.drop_index(
        "ix_outbox_available_at", table_name="outbox", postgresql_where=sa.text("state = 'PENDING'")
    )
    op.drop_table("outbox")
    op.drop_index("ix_ledger_entries_wallet", table_name="ledger_entries")
    op.drop_index(
        "ix_ledger_entries_related_id",
        table_name="ledger_entries",
        postgresql_where=sa.text("related_id IS NOT NULL"),
    )
    op.drop_table("ledger_entries")
    op.drop_index("uq_hub_generations_hub_hub_created_at", table_name="hub_generations")
    op.drop_table("hub_generations")
    op.drop_index("uq_dead_letters_place", table_name="dead_letters")
    op.drop_index("ix_dead_letters_status_created_at", table_name="dead_letters")
    op.drop_table("dead_letters")
    op.drop_index("ix_applied_records_record_key", table_name="applied_records")
    op.drop_table("applied_records")
    op.execute("DROP FUNCTION refuse_change()")
