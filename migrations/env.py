"""Alembic's environment: one migration run is one transaction under one advisory lock, with time limits."""

from alembic import context
from sqlalchemy import Connection, create_engine, pool, text

from shared.settings import load_migration_url
from shared.tables import METADATA

# Any fixed number; it makes a second migrator wait instead of racing the first.
MIGRATION_LOCK = 7_205_119_244


def include_name(name: str | None, type_: str, _parents: object) -> bool:
    """Partitions are made by functions of the database, not declared; their parents are."""
    partitions = ("applied_records_", "access_records_")
    return not (type_ == "table" and name is not None and name.startswith(partitions))


def run(connection: Connection) -> None:
    """Migrate under the lock: a second migrator waits, and then finds nothing to do."""
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        include_name=include_name,
        compare_type=True,
        compare_server_default=True,
        transaction_per_migration=False,
        on_version_apply=context.config.attributes.get("on_version_apply"),
    )
    with context.begin_transaction():
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        connection.execute(text("SET LOCAL statement_timeout = '15min'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("migrations run against a database; offline SQL is not offered")
engine = create_engine(
    context.config.get_main_option("sqlalchemy.url") or load_migration_url(), poolclass=pool.NullPool
)
with engine.connect() as migrator:
    run(migrator)
engine.dispose()
