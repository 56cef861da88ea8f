"""Pairs: one row per order, the meeting of its PAYMENT and RECEIVE entry; never deleted."""

from sqlalchemy import ARRAY, CheckConstraint, Column, Computed, DateTime, Index, Numeric, Table, Text, text

from shared.schema import METADATA, code_text

_STAMP = DateTime(timezone=True)

pairs = Table(
    "pairs",
    METADATA,
    Column("order_id", code_text(), primary_key=True),
    Column("state", code_text(), nullable=False),
    Column("anomalies", ARRAY(code_text()), nullable=False, server_default=text("'{}'")),
    Column("payment_tx_id", code_text()),
    Column("receive_tx_id", code_text()),
    Column("sender_wallet_id", code_text()),
    Column("receiver_wallet_id", code_text()),
    Column("amount", Numeric(28, 8)),
    Column("currency", code_text()),
    Column("order_status", Text),
    Column("order_status_group", code_text()),
    Column("site_id", code_text()),
    Column("payment_event_time", _STAMP),
    Column("receive_event_time", _STAMP),
    Column(
        "time_to_complete_seconds",
        Numeric,
        Computed("extract(epoch FROM (receive_event_time - payment_event_time))", persisted=True),
    ),
    Column("incomplete_since", _STAMP),
    Column("completed_at", _STAMP),
    Column("overdue_at", _STAMP),
    CheckConstraint("state IN ('OPEN', 'INCOMPLETE', 'COMPLETE')", name="state"),
    CheckConstraint(
        "(state = 'COMPLETE') = (payment_tx_id IS NOT NULL AND receive_tx_id IS NOT NULL)"
        " AND (state = 'OPEN') = (payment_tx_id IS NULL AND receive_tx_id IS NULL)",
        name="state_legs",
    ),
    CheckConstraint("(completed_at IS NOT NULL) = (state = 'COMPLETE')", name="completed"),
    CheckConstraint("(incomplete_since IS NOT NULL) = (state = 'INCOMPLETE')", name="incomplete"),
    CheckConstraint("overdue_at IS NULL OR state = 'INCOMPLETE'", name="overdue"),
    CheckConstraint(
        "anomalies <@ ARRAY['DUPLICATE_PAYMENT', 'DUPLICATE_RECEIVE', 'AMOUNT_MISMATCH',"
        " 'CURRENCY_MISMATCH', 'ORDER_MISSING', 'SITE_MISMATCH']",
        name="anomalies",
    ),
    Index("ix_pairs_incomplete_since", "incomplete_since", postgresql_where=text("state = 'INCOMPLETE'")),
    Index("ix_pairs_anomalies", "order_id", postgresql_where=text("anomalies <> '{}'")),
)
