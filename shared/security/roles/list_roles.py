"""List the roles with what each allows and shows."""

from shared.runtime import Runtime
from shared.security.roles import store
from shared.security.roles.model import RoleList
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def list_roles(runtime: Runtime, context: Context) -> RoleList:
    """All of them; there are few."""
    with recorded_read(runtime, context) as reading:
        found = store.list_roles(reading.connection)
        reading.count = len(found)
    return RoleList(found)
