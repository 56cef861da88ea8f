"""The one MetaData every room's tables hang on, and the naming convention of constraints and indexes."""

from sqlalchemy import MetaData, Text
from sqlalchemy.types import TypeEngine

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def code_text() -> TypeEngine[str]:
    """The type of ids and codes: bytewise order on every server, whatever its default collation."""
    return Text(collation="C")
