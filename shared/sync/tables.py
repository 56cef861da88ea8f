"""Tables of the sync room: business rows, their evidence, the positions read, dead letters and findings.

Every id and code column is COLLATE "C". Amounts are numeric(28, 8): 20 integer digits, 8 decimals. Their CHECKs
name an upper bound because NaN is greater than every number and would pass a bare `>= 0`.
"""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import INT8MULTIRANGE, JSONB

from shared.schema import METADATA, code_text

_STAMP = DateTime(timezone=True)
_STREAMS = "stream IN ('ledger', 'payment_order')"


def _revision_columns() -> list[Column[object]]:
    """A row's revision, when it came, and its last change (the latter outside the converged state)."""
    return [
        Column("updated_at", _STAMP),
        Column("version", BigInteger),
        Column("enqueued_at", _STAMP),
        Column("sequence_number", BigInteger),
        Column("content_digest", LargeBinary, nullable=False),
        Column("correlation_id", code_text()),
        Column("first_ingested_at", _STAMP, nullable=False),
        Column("ingested_at", _STAMP, nullable=False),
        Column("last_change", SmallInteger, nullable=False, server_default=text("0")),
        Column("previous_site_id", code_text()),
    ]


def _revision_checks() -> list[CheckConstraint]:
    return [
        CheckConstraint("octet_length(content_digest) = 32", name="digest_length"),
        CheckConstraint("version >= 0", name="version"),
        CheckConstraint("(enqueued_at IS NULL) = (sequence_number IS NULL)", name="position"),
    ]


ledger_entries = Table(
    "ledger_entries",
    METADATA,
    Column("tx_id", code_text(), primary_key=True),
    Column("wallet_id", code_text(), nullable=False),
    Column("entry_type", code_text(), nullable=False),
    Column("amount", Numeric(28, 8), nullable=False),
    Column("amount_signed", Numeric(28, 8)),
    Column("currency", code_text(), nullable=False),
    Column("related_id", code_text()),
    Column("related_type", code_text()),
    Column("event_time", _STAMP, nullable=False),
    Column("created_at", _STAMP, nullable=False),
    Column("site_id", code_text(), nullable=False),
    *_revision_columns(),
    Column("previous_related_id", code_text()),
    *_revision_checks(),
    CheckConstraint("amount >= 0 AND amount < 1e20", name="amount"),
    CheckConstraint("amount_signed > -1e20 AND amount_signed < 1e20", name="amount_signed"),
    Index("ix_ledger_entries_related_id", "related_id", postgresql_where=text("related_id IS NOT NULL")),
    Index("ix_ledger_entries_wallet", "wallet_id", text("event_time DESC"), "tx_id"),
)

payment_orders = Table(
    "payment_orders",
    METADATA,
    Column("order_id", code_text(), primary_key=True),
    Column("amount", Numeric(28, 8), nullable=False),
    Column("currency", code_text(), nullable=False),
    Column("status", Text, nullable=False),
    Column("status_group", code_text(), nullable=False),
    Column("created_at", _STAMP, nullable=False),
    Column("user_id", code_text()),
    Column("merchant_name", Text),
    Column("merchant_id", code_text()),
    Column("site_id", code_text(), nullable=False),
    *_revision_columns(),
    *_revision_checks(),
    CheckConstraint("amount >= 0 AND amount < 1e20", name="amount"),
    CheckConstraint("status_group IN ('SUCCESS', 'FAIL', 'IN_PROGRESS', 'UNKNOWN')", name="status_group"),
    # A page of a list is read site by site and group by group, or of one merchant.
    Index("ix_payment_orders_site", "site_id", "status_group", text("created_at DESC"), "order_id"),
    Index("ix_payment_orders_merchant_id", "merchant_id", text("created_at DESC"), "order_id"),
    Index("ix_payment_orders_merchant_name", "merchant_name", text("created_at DESC"), "order_id"),
)

hub_generations = Table(
    "hub_generations",
    METADATA,
    Column("hub", code_text(), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("hub_created_at", _STAMP, nullable=False),
    Column("seen_at", _STAMP, nullable=False),
    CheckConstraint("generation >= 1", name="generation"),
    Index("uq_hub_generations_hub_hub_created_at", "hub", "hub_created_at", unique=True),
)

_COUNTS = ("applied", "superseded", "duplicate", "dead_lettered", "redelivered")
_LINES = ("lines_read", "applied", "superseded", "duplicate", "dead_lettered", "skipped")
_RECORDS = ("records_applied", "records_superseded", "records_duplicate")

stream_positions = Table(
    "stream_positions",
    METADATA,
    Column("position_id", Integer, Identity(always=True), primary_key=True),
    Column("stream", code_text(), nullable=False),
    Column("hub", code_text(), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("consumer_group", code_text(), nullable=False),
    Column("partition_id", code_text(), nullable=False),
    Column("received", INT8MULTIRANGE, nullable=False, server_default=text("'{}'")),
    Column("last_enqueued_at", _STAMP),
    Column("newest_event_at", _STAMP),
    *[Column(name, BigInteger, nullable=False, server_default=text("0")) for name in (*_COUNTS, *_RECORDS)],
    Column("last_counts", ARRAY(BigInteger)),
    Column("updated_at", _STAMP, nullable=False),
    # Site → enqueued time of the newest event of it, as text.
    Column("site_times", JSONB, nullable=False, server_default=text("'{}'")),
    CheckConstraint(_STREAMS, name="stream"),
    *[CheckConstraint(f"{name} >= 0", name=name) for name in (*_COUNTS, *_RECORDS)],
    Index(
        "uq_stream_positions_partition", "hub", "generation", "consumer_group", "partition_id", unique=True
    ),
)

sequence_gaps = Table(
    "sequence_gaps",
    METADATA,
    Column("gap_id", BigInteger, Identity(always=True), primary_key=True),
    Column("position_id", Integer, ForeignKey("stream_positions.position_id"), nullable=False),
    Column("first_number", BigInteger, nullable=False),
    Column("last_number", BigInteger, nullable=False),
    Column("missing", INT8MULTIRANGE, nullable=False),
    Column("expired", INT8MULTIRANGE, nullable=False, server_default=text("'{}'")),
    Column("state", code_text(), nullable=False, server_default=text("'OPEN'")),
    Column("found_at", _STAMP, nullable=False),
    Column("expired_at", _STAMP),
    Column("closed_at", _STAMP),
    Column("accepted_at", _STAMP),
    Column("accepted_by", Text),
    Column("accepted_reason", Text),
    Column("replayed_at", _STAMP),
    Column("replayed_by", Text),
    Column("replayed_reason", Text),
    CheckConstraint("state IN ('OPEN', 'CLOSED', 'EXPIRED', 'ACCEPTED')", name="state"),
    CheckConstraint("first_number >= 0 AND first_number <= last_number", name="numbers"),
    CheckConstraint("missing <@ int8range(first_number, last_number, '[]')", name="missing_inside"),
    CheckConstraint("expired <@ missing", name="expired_inside"),
    CheckConstraint("(state = 'CLOSED') = isempty(missing)", name="closed"),
    CheckConstraint("(closed_at IS NOT NULL) = (state = 'CLOSED')", name="closed_at"),
    CheckConstraint("state <> 'OPEN' OR expired <> missing", name="open"),
    CheckConstraint(
        "state <> 'EXPIRED' OR (expired = missing AND expired_at IS NOT NULL)", name="expired_whole"
    ),
    CheckConstraint(
        "state <> 'ACCEPTED' OR (accepted_at IS NOT NULL AND coalesce(btrim(accepted_by), '') <> ''"
        " AND coalesce(btrim(accepted_reason), '') <> '')",
        name="accepted",
    ),
    CheckConstraint("replayed_at IS NULL OR coalesce(btrim(replayed_by), '') <> ''", name="replayed_by"),
    Index("uq_sequence_gaps_place", "position_id", "first_number", unique=True),
)

partition_heads = Table(
    "partition_heads",
    METADATA,
    Column("hub", code_text(), primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("consumer_group", code_text(), primary_key=True),
    Column("partition_id", code_text(), primary_key=True),
    Column("own_number", BigInteger),
    Column("moved_at", _STAMP, nullable=False),
    Column("behind_since", _STAMP),
    Column("hub_first_number", BigInteger),
    Column("hub_last_number", BigInteger),
    Column("hub_last_enqueued_at", _STAMP),
    Column("asked_at", _STAMP),
    Column("looked_at", _STAMP, nullable=False),
    CheckConstraint("(hub_first_number IS NULL) = (hub_last_number IS NULL)", name="hub_numbers"),
    CheckConstraint("behind_since >= moved_at", name="behind_since"),
)

applied_records = Table(
    "applied_records",
    METADATA,
    Column("record_key", code_text(), nullable=False),
    Column("position_id", Integer),
    Column("sequence_number", BigInteger),
    Column("enqueued_at", _STAMP),
    Column("updated_at", _STAMP),
    Column("version", BigInteger),
    Column("content_digest", LargeBinary, nullable=False),
    Column("order_status", Text),
    Column("is_order", Boolean, nullable=False),
    Column("applied_at", _STAMP, nullable=False),
    Index("ix_applied_records_record_key", "record_key"),
    postgresql_partition_by="RANGE (applied_at)",
)

sync_findings = Table(
    "sync_findings",
    METADATA,
    Column("finding_id", BigInteger, Identity(always=True), primary_key=True),
    Column("kind", code_text(), nullable=False),
    Column("stream", code_text(), nullable=False),
    Column("record_key", code_text(), nullable=False),
    Column("position_id", Integer, ForeignKey("stream_positions.position_id")),
    Column("sequence_number", BigInteger),
    Column("detail", JSONB, nullable=False),
    Column("found_at", _STAMP, nullable=False),
    CheckConstraint("kind IN ('REVISION_CONFLICT', 'SITE_CHANGED')", name="kind"),
    CheckConstraint(_STREAMS, name="stream"),
    Index("uq_sync_findings_place", "kind", "record_key", "position_id", "sequence_number", unique=True),
)

dead_letters = Table(
    "dead_letters",
    METADATA,
    Column("dead_letter_id", BigInteger, Identity(always=True), primary_key=True),
    Column("stream", code_text(), nullable=False),
    Column("hub", code_text(), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("partition_id", code_text(), nullable=False),
    Column("sequence_number", BigInteger, nullable=False),
    Column("event_offset", code_text(), nullable=False),
    Column("partition_key", Text),
    Column("enqueued_at", _STAMP, nullable=False),
    Column("properties", JSONB, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("body_sha256", LargeBinary, nullable=False),
    Column("error_code", code_text(), nullable=False),
    Column("error_field", Text),
    Column("error_detail", Text, nullable=False),
    Column("profile", code_text(), nullable=False),
    Column("correlation_id", code_text()),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("status", code_text(), nullable=False, server_default=text("'NEW'")),
    Column("closed_by", Text),
    Column("closed_reason", Text),
    Column("created_at", _STAMP, nullable=False),
    Column("closed_at", _STAMP),
    CheckConstraint(_STREAMS, name="stream"),
    CheckConstraint("status IN ('NEW', 'REPLAYED', 'RESOLVED', 'DISCARDED')", name="status"),
    CheckConstraint("(closed_at IS NULL) = (status = 'NEW')", name="closed"),
    CheckConstraint(
        "status <> 'DISCARDED' OR coalesce(btrim(closed_reason), '') <> ''", name="discard_reason"
    ),
    CheckConstraint("octet_length(body_sha256) = 32", name="digest_length"),
    CheckConstraint("attempts >= 0", name="attempts"),
    Index("uq_dead_letters_place", "hub", "generation", "partition_id", "sequence_number", unique=True),
    Index("ix_dead_letters_status_created_at", "status", "created_at"),
    Index(
        "ix_dead_letters_correlation_id",
        "correlation_id",
        postgresql_where=text("correlation_id IS NOT NULL"),
    ),
    Index(
        "ix_dead_letters_partition_key", "partition_key", postgresql_where=text("partition_key IS NOT NULL")
    ),
)

backfill_runs = Table(
    "backfill_runs",
    METADATA,
    Column("run_id", BigInteger, Identity(always=True), primary_key=True),
    Column("stream", code_text(), nullable=False),
    Column("profile", code_text(), nullable=False),
    Column("format", code_text(), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("file_sha256", LargeBinary, nullable=False),
    Column("file_bytes", BigInteger, nullable=False),
    # Canonical instants; empty where there is no bound.
    Column("event_since", code_text(), nullable=False),
    Column("event_until", code_text(), nullable=False),
    Column("state", code_text(), nullable=False, server_default=text("'RUNNING'")),
    Column("position_bytes", BigInteger, nullable=False, server_default=text("0")),
    Column("position_line", BigInteger, nullable=False, server_default=text("0")),
    *[Column(name, BigInteger, nullable=False, server_default=text("0")) for name in _LINES],
    Column("started_at", _STAMP, nullable=False),
    Column("started_by", Text, nullable=False),
    Column("updated_at", _STAMP, nullable=False),
    Column("finished_at", _STAMP),
    CheckConstraint(_STREAMS, name="stream"),
    CheckConstraint("format IN ('ndjson', 'csv', 'csv-semicolon', 'tsv')", name="format"),
    CheckConstraint("state IN ('RUNNING', 'DONE')", name="state"),
    CheckConstraint("(finished_at IS NOT NULL) = (state = 'DONE')", name="finished"),
    CheckConstraint("octet_length(file_sha256) = 32 AND file_bytes >= 0", name="file"),
    CheckConstraint("position_bytes >= 0 AND position_line >= 0", name="position"),
    *[CheckConstraint(f"{name} >= 0", name=name) for name in _LINES],
    CheckConstraint(
        "lines_read = applied + superseded + duplicate + dead_lettered + skipped", name="every_line"
    ),
    Index(
        "uq_backfill_runs_unfinished",
        "file_sha256",
        "stream",
        "profile",
        "format",
        "event_since",
        "event_until",
        unique=True,
        postgresql_where=text("state = 'RUNNING'"),
    ),
)

# A raised ceiling has a share and an end; a row without them takes the earlier ones of its scope back.
reject_ceilings = Table(
    "reject_ceilings",
    METADATA,
    Column("ceiling_id", BigInteger, Identity(always=True), primary_key=True),
    Column("stream", code_text(), nullable=False),
    Column("hub", code_text(), nullable=False),
    Column("partition_id", code_text()),
    Column("share", Numeric(5, 4)),
    Column("valid_from", _STAMP, nullable=False),
    Column("valid_until", _STAMP),
    Column("reason", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("created_at", _STAMP, nullable=False),
    CheckConstraint(_STREAMS, name="stream"),
    CheckConstraint("share > 0 AND share <= 1", name="share"),
    CheckConstraint("(share IS NULL) = (valid_until IS NULL)", name="ended"),
    CheckConstraint(
        "valid_until > valid_from AND valid_until <= valid_from + interval '168 hours'", name="time"
    ),
    CheckConstraint("btrim(reason) <> ''", name="reason"),
    CheckConstraint("btrim(set_by) <> ''", name="set_by"),
    Index("ix_reject_ceilings_stream_hub", "stream", "hub", "ceiling_id"),
)
