"""Alembic's configuration in code: there is no alembic.ini to keep in step."""

from pathlib import Path

from alembic.config import Config


def configuration(url: str) -> Config:
    """The configuration for one database; `url` is a SQLAlchemy URL of the schema's owner."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config
