"""Sites: the operating units every business row belongs to, with their windows."""

from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, Integer, Table, Text, func, text

from shared.schema import METADATA, code_text

sites = Table(
    "sites",
    METADATA,
    Column("site_id", code_text(), primary_key=True),
    Column("name", Text, nullable=False),
    Column("time_zone", code_text(), nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("pair_window_seconds", Integer, nullable=False, server_default=text("900")),
    # Null: nobody waits for the site's events.
    Column("silence_window_seconds", Integer, server_default=text("3600")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    CheckConstraint("site_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$'", name="site_id_form"),
    CheckConstraint("pair_window_seconds BETWEEN 1 AND 31536000", name="pair_window"),
    CheckConstraint("version >= 1", name="version"),
    CheckConstraint("silence_window_seconds BETWEEN 1 AND 31536000", name="silence_window"),
)
