"""Which named constraint refused a statement."""

from sqlalchemy.exc import DBAPIError


def constraint_name(error: BaseException) -> str | None:
    """The name of the violated constraint, or None when it was something else."""
    import psycopg

    cause = error.orig if isinstance(error, DBAPIError) else error
    return cause.diag.constraint_name if isinstance(cause, psycopg.Error) else None
