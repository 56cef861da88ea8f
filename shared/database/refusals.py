"""Which failures of a statement speak of a row's own values, and not of us."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

# Class 22 is data exceptions; then NOT NULL, CHECK, and the limits of a row (an index row too large among them).
_DATA_EXCEPTIONS = "22"
_OF_A_ROW = frozenset({"23502", "23514", "54000"})
_CHECK = "23514"
_REASON_LENGTH_MAX = 300


class RowRefusal(Exception):
    """PostgreSQL refused a statement for the values of a row. `subject` is the column or constraint it named.

    `reason` is the server's first sentence; its detail, which shows the row, is left out.
    """

    def __init__(self, sqlstate: str, reason: str, subject: str | None) -> None:
        super().__init__(f"{sqlstate}: {reason}")
        self.sqlstate = sqlstate
        self.reason = reason
        self.subject = subject


@contextmanager
def row_refusals() -> Iterator[None]:
    """What is refused inside for a row's values is raised as RowRefusal; everything else as it is."""
    try:
        yield
    except Exception as error:
        if refusal := _refusal_of(error):
            raise refusal from error
        raise


def _refusal_of(error: BaseException) -> RowRefusal | None:
    import psycopg

    cause = error.orig if isinstance(error, DBAPIError) else error
    if not isinstance(cause, psycopg.Error) or not (state := cause.sqlstate):
        return None
    if not state.startswith(_DATA_EXCEPTIONS) and state not in _OF_A_ROW:
        return None
    told = cause.diag
    if state == _CHECK and told.table_name and not told.constraint_name:
        # No CHECK of a row: no partition takes it, and partitions are ours to make.
        return None
    reason = " ".join((told.message_primary or "").split())[:_REASON_LENGTH_MAX]
    return RowRefusal(state, reason, told.column_name or told.constraint_name)
