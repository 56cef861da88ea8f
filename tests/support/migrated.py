"""The migrated template: roles, an owner, and every migration, as an installation has them."""

from pathlib import Path

import psycopg
from alembic import command
from psycopg import sql

from migrations.configuration import configuration
from tests.support.postgres import ClonedDatabase
from tests.support.runtime import APP_PASSWORD

ROLES = ("counterfoil_migrator", "counterfoil_app", "counterfoil_auditor", "counterfoil_retention")
ROLES_SQL = Path(__file__).resolve().parents[2] / "migrations" / "roles.sql"


def libpq(url: str) -> str:
    """A SQLAlchemy URL as psycopg itself takes it."""
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def prepare_roles(url: str) -> None:
    """Create the roles with the tests' password and give the migrator the database."""
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        connection.execute(ROLES_SQL.read_bytes())
        for role in ROLES:
            statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                sql.Identifier(role), sql.Literal(APP_PASSWORD)
            )
            connection.execute(statement)
        name = connection.info.dbname
        connection.execute(
            sql.SQL("ALTER DATABASE {} OWNER TO counterfoil_migrator").format(sql.Identifier(name))
        )


def migrator_url(url: str) -> str:
    """The same database as its owner."""
    parts = psycopg.conninfo.conninfo_to_dict(libpq(url))
    return f"postgresql+psycopg://counterfoil_migrator:{APP_PASSWORD}@{parts['host']}:{parts['port']}/{parts['dbname']}"


def prepare_migrated(url: str) -> None:
    """Fill the template: `url` is the superuser's."""
    prepare_roles(url)
    command.upgrade(configuration(migrator_url(url)), "head")
    with psycopg.connect(libpq(url), autocommit=True) as connection:
        connection.execute(
            "INSERT INTO sites (site_id, name, time_zone) VALUES ('KR-SEOUL', 'Seoul', 'Asia/Seoul'),"
            " ('JP-TOKYO', 'Tokyo', 'Asia/Tokyo'), ('EU-PARIS', 'Paris', 'Europe/Paris')"
        )


def app_url(database: ClonedDatabase) -> str:
    """A test's database as the application's role."""
    return database.url_as("counterfoil_app", APP_PASSWORD)
