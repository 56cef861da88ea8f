"""The database layer: transactions for use cases, and names for what the database refuses."""

from shared.database.constraints import constraint_name
from shared.database.database import Database

__all__ = ["Database", "constraint_name"]
