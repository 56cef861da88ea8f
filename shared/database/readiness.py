"""Whether the database can serve: it answers, and a migration has been there."""

from sqlalchemy import exc, text

from shared.database.database import Database
from shared.errors.base import DatabaseUnavailable


def is_ready(database: Database) -> bool:
    """True when one statement works and the schema has a revision; never raises for a database that is unwell."""
    try:
        with database.statement() as connection:
            return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() is not None
    except (DatabaseUnavailable, exc.DBAPIError):
        return False
