"""What roles allow and show: seeded as the matrix says, changed by who holds all of it, at once."""

from typing import Any

import psycopg
import pytest

from shared.errors.base import CounterfoilError
from shared.errors.request import PreconditionFailed
from shared.runtime import Runtime
from shared.security.errors import GrantBeyondOwn, LastAdministrator, RoleNotFound
from shared.security.matrix import PERMISSIONS, SHOWN
from shared.security.model import Field, Permission, Role
from shared.security.roles.change_role import change_role
from shared.security.roles.list_roles import list_roles
from shared.security.roles.model import Wish
from shared.spine.model import Context, Done
from tests.support.callers import context_with

Owner = psycopg.Connection[Any]
ADMINISTRATOR = context_with("administrator", Permission.ROLE_MANAGE)
MANAGER = context_with("site_manager", Permission.ROLE_MANAGE)


def change(runtime: Runtime, context: Context, role: str, **wish: Any) -> Done:
    version = wish.pop("version", None)
    return change_role(runtime, context, role, Wish(**wish), "a test", version)


def test_the_database_is_seeded_as_the_matrix_says(owner: Owner) -> None:
    rows = owner.execute("SELECT role, permissions, shown_fields, is_active FROM roles").fetchall()
    assert {role: (set(may), set(shows), active) for role, may, shows, active in rows} == {
        role.value: ({each.value for each in PERMISSIONS[role]}, {each.value for each in SHOWN[role]}, True)
        for role in Role
    }


def test_the_list_is_whole(runtime: Runtime) -> None:
    assert [each.role for each in list_roles(runtime, ADMINISTRATOR).items] == sorted(Role)


def test_a_change_says_what_it_changes_and_leaves_the_rest(runtime: Runtime) -> None:
    shown = frozenset({Field.USER_ID})
    body = change(runtime, ADMINISTRATOR, "viewer", shown_fields=shown, version=1).body
    assert (body["shown_fields"], body["version"]) == (["user_id"], 2)
    assert body["permissions"] == sorted(PERMISSIONS[Role.VIEWER])
    with pytest.raises(PreconditionFailed):
        change(runtime, ADMINISTRATOR, "viewer", is_active=False, version=1)
    assert change(runtime, ADMINISTRATOR, "viewer", permissions=frozenset()).body["permissions"] == []


@pytest.mark.parametrize(
    ("context", "role", "wish", "refusal"),
    [
        (MANAGER, "viewer", {"permissions": frozenset({Permission.AUDIT_READ})}, GrantBeyondOwn),
        (MANAGER, "viewer", {"permissions": frozenset({Permission.LOOKUP_READ, Permission.BATCH_RUN})}, None),
        (MANAGER, "auditor", {"permissions": frozenset({Permission.AUDIT_READ})}, None),
        (ADMINISTRATOR, "root", {"is_active": False}, RoleNotFound),
        (ADMINISTRATOR, "administrator", {"is_active": False}, LastAdministrator),
        (ADMINISTRATOR, "administrator", {"permissions": frozenset()}, LastAdministrator),
        (
            ADMINISTRATOR,
            "administrator",
            {"permissions": frozenset(Permission) - {Permission.AUDIT_READ}},
            LastAdministrator,
        ),
        (ADMINISTRATOR, "administrator", {"shown_fields": frozenset()}, None),
    ],
)
def test_who_may_change_what(
    runtime: Runtime,
    context: Context,
    role: str,
    wish: dict[str, Any],
    refusal: type[CounterfoilError] | None,
) -> None:
    if refusal is None:
        assert change(runtime, context, role, **wish).status == 200
    else:
        with pytest.raises(refusal):
            change(runtime, context, role, **wish)


def test_switching_a_role_on_gives_all_of_it(runtime: Runtime) -> None:
    change(runtime, ADMINISTRATOR, "auditor", is_active=False)
    with pytest.raises(GrantBeyondOwn):
        change(runtime, MANAGER, "auditor", is_active=True)
    assert change(runtime, ADMINISTRATOR, "auditor", is_active=True).body["is_active"] is True
