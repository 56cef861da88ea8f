"""The approvals room's SQL: requests are inserted, moved along their way, and read."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime

from sqlalchemy import Connection

from shared.approvals.errors import ApprovalNotYours, ApprovalStateWrong
from shared.approvals.model import EDGES, Approval, ApprovalFilter, ApprovalState, Place, Who
from shared.database import constraint_name
from shared.database.database import driver
from shared.database.scope import Sites, scope_values, site_condition

_COLUMNS = tuple(each.name for each in fields(Approval))
_NAMES = ", ".join(_COLUMNS)
_ASKED = _COLUMNS[: _COLUMNS.index("decided_by")]
_INSERT = (
    f"INSERT INTO approvals ({', '.join(_ASKED)}) VALUES ({', '.join(f'%({name})s' for name in _ASKED)})"
)
_ONE = f"SELECT {_NAMES} FROM approvals WHERE approval_id = %(approval_id)s AND {site_condition('site_id')}"
_LOCKED = f"{_ONE} FOR UPDATE"
_DECIDE = f"""
UPDATE approvals SET state = %(state)s, decided_by = %(principal_id)s, decided_as = %(actor)s, decided_at = %(now)s,
    decision_reason = %(reason)s
WHERE approval_id = %(approval_id)s AND state = ANY (%(from)s) RETURNING {_NAMES}
"""
_CLOSE = f"""
UPDATE approvals SET state = %(state)s, closed_by = %(principal_id)s, closed_as = %(actor)s, closed_at = %(now)s,
    close_reason = %(reason)s
WHERE approval_id = %(approval_id)s AND state = ANY (%(from)s) RETURNING {_NAMES}
"""
# Whoever moves one at this moment keeps it; the next run looks again.
_OVERDUE = f"""
SELECT {_NAMES} FROM approvals WHERE state IN ('PENDING', 'APPROVED') AND expires_at <= %(now)s
ORDER BY expires_at, approval_id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
"""
_FILTERS = {"state": "state = %(state)s", "kind": "kind = %(kind)s"}
_AFTER = """requested_at <= %(after_time)s::timestamptz
    AND (requested_at < %(after_time)s::timestamptz OR approval_id > %(after_id)s)"""
_REFUSALS = {"ck_approvals_four_eyes": ApprovalNotYours, "approvals_edge": ApprovalStateWrong}


def insert_approval(connection: Connection, approval: Approval) -> None:
    """Write a request as it begins."""
    driver(connection).execute(_INSERT, {name: getattr(approval, name) for name in _ASKED})


def fetch_approval(connection: Connection, approval_id: str, scope: Sites) -> Approval | None:
    """An approval as it stands; None when there is none of this id in the scope."""
    row = driver(connection).execute(_ONE, {"approval_id": approval_id, **scope_values(scope)}).fetchone()
    return _approval(row)


def lock_approval(connection: Connection, approval_id: str, scope: Sites) -> Approval | None:
    """The same, held to the end of the transaction."""
    row = driver(connection).execute(_LOCKED, {"approval_id": approval_id, **scope_values(scope)}).fetchone()
    return _approval(row)


def decide_approval(
    connection: Connection, approval_id: str, state: ApprovalState, who: Who, reason: str, now: datetime
) -> Approval:
    """Approve or reject. Raises ApprovalStateWrong, and ApprovalNotYours for the requester's own hand."""
    return _move(connection, _DECIDE, approval_id, state, who, reason, now)


def close_approval(
    connection: Connection, approval_id: str, state: ApprovalState, who: Who, reason: str, now: datetime
) -> Approval:
    """Executed, withdrawn or expired. Raises ApprovalStateWrong."""
    return _move(connection, _CLOSE, approval_id, state, who, reason, now)


def list_overdue(connection: Connection, now: datetime, limit: int) -> list[Approval]:
    """Open approvals whose time is over, held to the end of the transaction."""
    rows = driver(connection).execute(_OVERDUE, {"now": now, "limit": limit})
    return [Approval(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def list_approvals(
    connection: Connection, scope: Sites, wanted: ApprovalFilter, *, after: Place | None, limit: int
) -> list[Approval]:
    """Those that pass the filter, newest first, at most `limit`."""
    given = {name: value for name in _FILTERS if (value := getattr(wanted, name)) is not None}
    conditions = [site_condition("site_id"), *(_FILTERS[name] for name in given)]
    values: dict[str, object] = {**scope_values(scope), **given, "limit": limit}
    if after is not None:
        conditions.append(_AFTER)
        values |= {"after_time": after.requested_at, "after_id": after.approval_id}
    statement = (
        f"SELECT {_NAMES} FROM approvals WHERE {' AND '.join(conditions)}"
        " ORDER BY requested_at DESC, approval_id LIMIT %(limit)s"
    )
    rows = driver(connection).execute(statement, values)
    return [Approval(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]


def _move(
    connection: Connection,
    statement: str,
    approval_id: str,
    state: ApprovalState,
    who: Who,
    reason: str,
    now: datetime,
) -> Approval:
    import psycopg

    values: Mapping[str, object] = {
        "approval_id": approval_id,
        "state": state.value,
        "from": [each.value for each in EDGES[state]],
        "principal_id": who.principal_id,
        "actor": who.actor,
        "reason": reason,
        "now": now,
    }
    try:
        moved = _approval(driver(connection).execute(statement, values).fetchone())
    except psycopg.IntegrityError as error:
        if refusal := _REFUSALS.get(constraint_name(error) or ""):
            raise refusal(f"approval {approval_id} to {state}") from error
        raise
    if moved is None:
        raise ApprovalStateWrong(f"approval {approval_id} does not go to {state}")
    return moved


def _approval(row: tuple[object, ...] | None) -> Approval | None:
    return None if row is None else Approval(**dict(zip(_COLUMNS, row, strict=True)))  # type: ignore[arg-type]
