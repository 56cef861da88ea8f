"""Which role allows and shows what, as a new installation is seeded; afterwards the database's tables say it."""

from collections.abc import Mapping

from shared.security.model import Field, Permission, Role

_OWN = frozenset({Permission.TOKEN_OWN})
_READ = _OWN | {Permission.LOOKUP_READ}
_REQUEST = frozenset({Permission.APPROVAL_REQUEST, Permission.CORRECTION_REQUEST})
_RUN = frozenset({Permission.BATCH_RUN, Permission.OPERATOR_DETAIL_READ})
_DECIDE = frozenset({Permission.APPROVAL_DECIDE, Permission.VERSION_ACTIVATE})
_AUDIT = frozenset({Permission.AUDIT_READ, Permission.AUDIT_VERIFY, Permission.AUDIT_EXPORT})
_MANAGE = frozenset(
    {
        Permission.PRINCIPAL_MANAGE,
        Permission.TOKEN_MANAGE,
        Permission.ROLE_MANAGE,
        Permission.SITE_MANAGE,
        Permission.POLICY_MANAGE,
    }
)

# A permission that is held for all sites only does nothing in the hands of who holds some: roles stay with ALL.
PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _READ,
    Role.OPERATOR: _READ | _RUN | _REQUEST,
    Role.APPROVER: _READ | _REQUEST | _DECIDE,
    Role.AUDITOR: _READ | _AUDIT,
    Role.SITE_MANAGER: _READ | _RUN | _REQUEST | _MANAGE,
    Role.ADMINISTRATOR: _READ | _RUN | _REQUEST | _DECIDE | _AUDIT | _MANAGE,
    Role.SERVICE: _OWN,
}
# What each role shows; everything else of these fields is masked.
SHOWN: Mapping[Role, frozenset[Field]] = {
    role: frozenset(Field) if role in (Role.AUDITOR, Role.SITE_MANAGER, Role.ADMINISTRATOR) else frozenset()
    for role in Role
}
