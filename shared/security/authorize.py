"""What a principal may do: the one place where principals, roles and permissions meet.

Grants, sites and the scope of a principal belong here too: whoever adds them changes this file, and the HTTP edge
goes on calling `authorize` between authentication and the use case.
"""

from collections.abc import Mapping

from shared.security.errors import NotAllowed
from shared.security.model import Permission, Principal, Role

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.LOOKUP_READ}),
    Role.OPERATOR: frozenset({Permission.LOOKUP_READ}),
    Role.APPROVER: frozenset({Permission.LOOKUP_READ}),
    Role.AUDITOR: frozenset({Permission.LOOKUP_READ}),
    Role.SITE_MANAGER: frozenset({Permission.LOOKUP_READ}),
    Role.ADMINISTRATOR: frozenset({Permission.LOOKUP_READ}),
    Role.SERVICE: frozenset(),
}


def authorize(principal: Principal, permission: Permission) -> None:
    """Raises NotAllowed unless one of the principal's roles carries the permission."""
    if not any(permission in PERMISSIONS[role] for role in principal.roles):
        raise NotAllowed(f"{principal.actor} lacks {permission}")
