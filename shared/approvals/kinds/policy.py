"""POLICY: which masked fields a role shows, for everybody who holds it, at once."""

from datetime import datetime

from sqlalchemy import Connection

from shared.approvals.errors import ApprovalNotYours
from shared.approvals.kinds.kind import Kind, Payload
from shared.approvals.kinds.members import Members
from shared.approvals.model import Approval, ApprovalKind, Change, Subject
from shared.security.model import Field, Permission
from shared.security.roles import store
from shared.spine.model import Context

ROLE_CHARACTERS_MAX = 40


def prepare(connection: Connection, payload: Payload, context: Context) -> Subject:
    """The role, and the fields it is to show.

    Raises RoleNotFound, and ApprovalNotYours for a field that the caller does not see everywhere.
    """
    members = Members(payload).only(("role", "shown_fields"))
    role = members.text("role", ROLE_CHARACTERS_MAX)
    fields = members.names("shown_fields", Field)
    before = store.lock_role(connection, role)
    for name in set(fields) - set(before.shown_fields):
        if not context.caller.sees(Field(name), None):
            raise ApprovalNotYours(f"{name} is not seen everywhere by who asks to show it")
    return Subject(
        target_type="role",
        target_id=role,
        # A role belongs to all sites.
        site_id=None,
        base_version=str(before.version),
        payload={"role": role, "shown_fields": fields},
    )


def base_version(connection: Connection, payload: Payload) -> str:
    """The role's version; the role is locked."""
    return str(store.lock_role(connection, str(payload["role"])).version)


def act(connection: Connection, approval: Approval, now: datetime) -> Change:
    """The role shows these fields from now on, and allows what it allowed."""
    content = approval.content
    before = store.lock_role(connection, str(content["role"]))
    fields = content["shown_fields"]
    assert isinstance(fields, list), "it was prepared so"
    after = store.update_role(
        connection,
        before.role,
        permissions=before.permissions,
        shown_fields=fields,
        is_active=before.is_active,
        now=now,
    )
    return Change(
        result={"role": after.role, "shown_fields": list(after.shown_fields), "version": after.version},
        before={"shown_fields": list(before.shown_fields), "version": before.version},
        after={"shown_fields": list(after.shown_fields), "version": after.version},
    )


POLICY = Kind(
    kind=ApprovalKind.POLICY,
    requests=Permission.POLICY_MANAGE,
    decides=Permission.POLICY_MANAGE,
    prepare=prepare,
    base_version=base_version,
    act=act,
)
