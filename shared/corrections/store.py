"""The corrections room's SQL: corrections, the entries they add, and the rows they are about."""

from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from shared.corrections.errors import CorrectionOpen, CorrectionTargetNotFound
from shared.corrections.model import (
    Correction,
    CorrectionFilter,
    CorrectionState,
    Place,
    Target,
    TargetType,
)
from shared.database import constraint_name
from shared.database.database import driver
from shared.database.scope import Sites, scope_values, site_condition

_COLUMNS = tuple(each.name for each in fields(Correction))
_NAMES = ", ".join(_COLUMNS)
_INSERT = f"INSERT INTO corrections ({_NAMES}) VALUES ({', '.join(f'%({name})s' for name in _COLUMNS)})"
_LOCK_TARGET = {
    TargetType.LEDGER_ENTRY: f"""
    SELECT site_id, amount, currency, content_digest FROM ledger_entries
    WHERE tx_id = %(target_id)s AND {site_condition("site_id")} FOR UPDATE
    """,
    TargetType.PAYMENT_ORDER: f"""
    SELECT site_id, amount, currency, content_digest FROM payment_orders
    WHERE order_id = %(target_id)s AND {site_condition("site_id")} FOR UPDATE
    """,
}
_ADDED = """
SELECT coalesce(sum(amount_delta), 0), count(*) FROM correction_entries
WHERE target_type = %(target_type)s AND target_id = %(target_id)s
"""
_BY_APPROVAL = f"SELECT {_NAMES} FROM corrections WHERE approval_id = %(approval_id)s FOR UPDATE"
_MOVE = """
UPDATE corrections SET state = %(state)s, changed_at = %(now)s WHERE approval_id = %(approval_id)s
"""
_ADD_ENTRY = """
INSERT INTO correction_entries (correction_id, approval_id, target_type, target_id, kind, amount_before, amount_delta,
                                currency, note, base_digest, applied_at)
SELECT correction_id, approval_id, target_type, target_id, kind, amount_before, amount_delta, currency, note,
       %(digest)s, %(now)s
FROM corrections WHERE correction_id = %(correction_id)s
"""
_FILTERS = {
    "state": "state = %(state)s",
    "target_type": "target_type = %(target_type)s",
    "target_id": "target_id = %(target_id)s",
}
_AFTER = """requested_at <= %(after_time)s::timestamptz
    AND (requested_at < %(after_time)s::timestamptz OR correction_id > %(after_id)s)"""


def lock_target(connection: Connection, target_type: TargetType, target_id: str, scope: Sites) -> Target:
    """The row to be corrected, held to the end of the transaction. Raises CorrectionTargetNotFound.

    What was added to it is read in the statement after the lock: nobody adds anything meanwhile.
    """
    session = driver(connection)
    values = {"target_type": target_type.value, "target_id": target_id, **scope_values(scope)}
    row = session.execute(_LOCK_TARGET[target_type], values).fetchone()
    if row is None:
        raise CorrectionTargetNotFound(f"no {target_type} {target_id}")
    site_id, amount, currency, digest = row
    added, corrections = session.execute(_ADDED, values).fetchall()[0]
    return Target(
        target_type.value, target_id, site_id, amount, currency, bytes(digest), Decimal(added), corrections
    )


def insert_correction(connection: Connection, correction: Correction) -> None:
    """Write a correction as it begins. Raises CorrectionOpen."""
    import psycopg

    try:
        driver(connection).execute(_INSERT, {name: getattr(correction, name) for name in _COLUMNS})
    except psycopg.IntegrityError as error:
        if constraint_name(error) == "uq_corrections_open":
            raise CorrectionOpen(f"{correction.target_type} {correction.target_id}") from error
        raise


def get_correction_of(connection: Connection, approval_id: str) -> Correction:
    """The correction an approval is about, held to the end of the transaction."""
    row = driver(connection).execute(_BY_APPROVAL, {"approval_id": approval_id}).fetchone()
    assert row is not None, "an approval of this kind has its correction"
    return _correction(row)


def move_correction(connection: Connection, approval_id: str, state: CorrectionState, now: datetime) -> None:
    """Along with its approval."""
    driver(connection).execute(_MOVE, {"approval_id": approval_id, "state": state.value, "now": now})


def insert_entry(connection: Connection, correction_id: str, digest: bytes, now: datetime) -> None:
    """The correcting entry, as the correction says; it stands beside the row of that digest."""
    driver(connection).execute(_ADD_ENTRY, {"correction_id": correction_id, "digest": digest, "now": now})


def fetch_correction(connection: Connection, correction_id: str, scope: Sites) -> Correction | None:
    """A correction as it stands; None when there is none of this id in the scope."""
    statement = (
        f"SELECT {_NAMES} FROM corrections WHERE correction_id = %(id)s AND {site_condition('site_id')}"
    )
    row = driver(connection).execute(statement, {"id": correction_id, **scope_values(scope)}).fetchone()
    return None if row is None else _correction(row)


def list_corrections(
    connection: Connection, scope: Sites, wanted: CorrectionFilter, *, after: Place | None, limit: int
) -> list[Correction]:
    """Those that pass the filter, newest first, at most `limit`."""
    given = {name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None}
    conditions = [site_condition("site_id"), *(_FILTERS[name] for name in given)]
    values: dict[str, object] = {**scope_values(scope), **given, "limit": limit}
    if after is not None:
        conditions.append(_AFTER)
        values |= {"after_time": after.requested_at, "after_id": after.correction_id}
    statement = (
        f"SELECT {_NAMES} FROM corrections WHERE {' AND '.join(conditions)}"
        " ORDER BY requested_at DESC, correction_id LIMIT %(limit)s"
    )
    return [_correction(row) for row in driver(connection).execute(statement, values)]


def _correction(row: tuple[Any, ...]) -> Correction:
    return Correction(**dict(zip(_COLUMNS, row, strict=True)))
