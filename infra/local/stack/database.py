"""Prepare the stack's database: roles, database, migrations, the sample's sites."""

from collections.abc import Callable
from pathlib import Path

import psycopg
from alembic import command
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.exc import ArgumentError, OperationalError

from infra.local.sample.sites import SITES
from infra.local.stack.credentials import Credentials
from infra.local.stack.errors import StackError
from infra.local.stack.layout import ROOT
from migrations.configuration import configuration

DATABASE = "counterfoil"
ROLES_SQL = ROOT / "migrations" / "roles.sql"
OWNER = "counterfoil_migrator"
# Whichever alembic raises for a revision it does not know.
_UNKNOWN_REVISION = (CommandError, RevisionError)


def url_of(role: str, password: str, port: int) -> str:
    """A SQLAlchemy URL of the stack's own database."""
    return f"postgresql+psycopg://counterfoil_{role}:{password}@127.0.0.1:{port}/{DATABASE}"


def prepare_server(port: int, password_file: Path, credentials: Credentials) -> None:
    """Roles with their passwords, and the database owned by the migrator; harmless when repeated."""
    with psycopg.connect(_superuser(port, password_file, "postgres"), autocommit=True) as connection:
        connection.execute(ROLES_SQL.read_bytes())
        for role in ("migrator", "app", "auditor", "retention"):
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
            password = sql.Literal(getattr(credentials, role))
            connection.execute(statement.format(sql.Identifier(f"counterfoil_{role}"), password))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            statement = sql.SQL("CREATE DATABASE {} OWNER {}")
            connection.execute(statement.format(sql.Identifier(DATABASE), sql.Identifier(OWNER)))


def _superuser(port: int, password_file: Path, database: str) -> str:
    password = password_file.read_text()
    return psycopg.conninfo.make_conninfo(
        "", host="127.0.0.1", port=port, user="postgres", password=password, dbname=database
    )


def pending_migrations(url: str) -> int:
    """How many migrations the database still needs. Raises StackError when it cannot be reached."""
    script = ScriptDirectory.from_config(configuration(url))
    try:
        engine = create_engine(url)
    except ArgumentError as error:
        raise StackError(
            "The address of a database begins with postgresql+psycopg://: correct the setting that gives it."
        ) from error
    try:
        with engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
        return len(list(script.iterate_revisions("head", current or "base")))
    except OperationalError as error:
        raise StackError(f"The database cannot be reached: {' '.join(str(error.orig).split())}") from error
    except _UNKNOWN_REVISION as error:
        raise _other_version() from error
    finally:
        engine.dispose()


def migrate(url: str, on_applied: Callable[[], None]) -> None:
    """Bring the schema up to date; `on_applied` is called after each migration."""
    config = configuration(url)
    config.attributes["on_version_apply"] = lambda **_facts: on_applied()
    try:
        command.upgrade(config, "head")
    except _UNKNOWN_REVISION as error:
        raise _other_version() from error


def _other_version() -> StackError:
    return StackError(
        "The database was written by a newer version of Counterfoil: use that version, "
        "or run `make reset` to begin with empty data."
    )


def insert_sites(url: str) -> None:
    """Register the sites the sample's events belong to; those that stand are left alone."""
    with psycopg.connect(url.replace("+psycopg", "", 1)) as connection:
        connection.cursor().executemany(
            "INSERT INTO sites (site_id, name, time_zone) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            [(site.site_id, site.name, site.time_zone) for site in SITES],
        )
