"""The SQL of roles."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from shared.database import constraint_name
from shared.database.database import driver
from shared.database.told import told
from shared.security.errors import LastAdministrator, RoleNotFound
from shared.security.model import Field, Holding, Permission, Scope
from shared.security.roles.model import RoleState

_COLUMNS = "role, permissions, shown_fields, is_active, version, updated_at"
_ALL = f"SELECT {_COLUMNS} FROM roles ORDER BY role"
_LOCKED = f"SELECT {_COLUMNS} FROM roles WHERE role = %s FOR UPDATE"
# Held to the end: what is checked against the caller is what the role is when the grant stands.
_ACTIVE = "SELECT permissions, shown_fields FROM roles WHERE role = %s AND is_active FOR SHARE"
_UPDATE = f"""
UPDATE roles SET permissions = %(permissions)s, shown_fields = %(shown_fields)s, is_active = %(is_active)s,
    version = version + 1, updated_at = %(now)s
WHERE role = %(role)s RETURNING {_COLUMNS}
"""


def list_roles(connection: Connection) -> list[RoleState]:
    """Every role, by name."""
    return [_role(row) for row in driver(connection).execute(_ALL)]


def lock_role(connection: Connection, role: str) -> RoleState:
    """The role, to be changed. Raises RoleNotFound."""
    row = driver(connection).execute(_LOCKED, (role,)).fetchone()
    if row is None:
        raise RoleNotFound(role)
    return _role(row)


def get_active_role(connection: Connection, role: str, scope: Scope) -> Holding:
    """What holding the role there means. Raises RoleNotFound, also for one that is switched off."""
    row = driver(connection).execute(_ACTIVE, (role,)).fetchone()
    if row is None:
        raise RoleNotFound(role)
    known = frozenset(each for each in Permission if each.value in row[0])
    return Holding(role, scope, known, frozenset(map(Field, row[1])))


def update_role(
    connection: Connection,
    role: str,
    *,
    permissions: Collection[str],
    shown_fields: Collection[str],
    is_active: bool,
    now: datetime,
) -> RoleState:
    """The role as it is from now on; it was locked before. Raises LastAdministrator."""
    import psycopg

    values = {
        "role": role,
        "permissions": sorted(permissions),
        "shown_fields": sorted(shown_fields),
        "is_active": is_active,
        "now": now,
    }
    try:
        found = driver(connection).execute(_UPDATE, values)
    except psycopg.errors.CheckViolation as error:
        if constraint_name(error) == "ck_roles_administrator":
            raise LastAdministrator(role) from error
        raise
    return _role(found.fetchall()[0])


def _role(row: Any) -> RoleState:
    return RoleState(*told(row))
