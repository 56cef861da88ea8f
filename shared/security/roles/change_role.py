"""Change what a role allows or shows, or switch it off and on; it holds for everybody at once."""

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.model import Action
from shared.errors.request import PreconditionFailed
from shared.runtime import Runtime
from shared.security.beyond import refuse_beyond
from shared.security.model import EVERYTHING, UNBOUNDED, Field, Holding, Permission
from shared.security.roles import store
from shared.security.roles.model import RoleState, Wish
from shared.spine.commands import run_command
from shared.spine.model import Command, Context, Done, Effect


def change_role(
    runtime: Runtime, context: Context, role: str, wish: Wish, reason: str, version: int | None = None
) -> Done:
    """The role as it is from now on; nobody adds what they do not hold for all sites.

    Raises RoleNotFound, PreconditionFailed, GrantBeyondOwn and LastAdministrator.
    """

    def act(connection: Connection, now: datetime) -> Effect:
        before = store.lock_role(connection, role)
        if version is not None and version != before.version:
            raise PreconditionFailed(f"version {before.version}, asked for {version}")
        permissions = before.permissions if wish.permissions is None else wish.permissions
        shown = before.shown_fields if wish.shown_fields is None else wish.shown_fields
        is_active = before.is_active if wish.is_active is None else wish.is_active
        refuse_beyond(context.caller, [_added(before, wish, is_active)], UNBOUNDED)
        after = store.update_role(
            connection, role, permissions=permissions, shown_fields=shown, is_active=is_active, now=now
        )
        told = asdict(after)
        return Effect(body=told, before=asdict(before), after=told)

    command = Command(action=Action.ROLE_CHANGE, target_type="role", target_id=role, reason=reason)
    return run_command(runtime, context, command, act)


def _added(before: RoleState, wish: Wish, is_active: bool) -> Holding:
    """What the change gives to whoever holds the role; switching it on gives all of it."""
    switched_on = is_active and not before.is_active
    had = set() if switched_on else {*before.permissions}
    saw = set() if switched_on else {*before.shown_fields}
    permissions = before.permissions if wish.permissions is None else wish.permissions
    shown = before.shown_fields if wish.shown_fields is None else wish.shown_fields
    return Holding(
        before.role,
        EVERYTHING,
        frozenset(each for each in Permission if each.value in permissions and each.value not in had),
        frozenset(each for each in Field if each.value in shown and each.value not in saw),
    )
