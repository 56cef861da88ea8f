"""Random grants × random credentials: what a caller may do is what both allow, computed another way."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, product
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.runtime import Runtime
from shared.security.authenticate import authenticate
from shared.security.matrix import PERMISSIONS, SHOWN
from shared.security.model import Caller, Field, Permission, Role
from tests.support.callers import BEFORE, seed_grant, seed_principal, seed_token
from tests.support.runtime import BASE_SETTINGS, NOON, HeldKeys
from tests.support.tokens import rsa_key, token

Owner = psycopg.Connection[Any]
SITES = ("KR-SEOUL", "JP-TOKYO", "EU-PARIS")
HOUR = timedelta(hours=1)
_NUMBERS = count()


@dataclass(frozen=True)
class Given:
    """One grant as it is seeded."""

    role: Role
    site_id: str | None
    begins: datetime
    ends: datetime | None
    is_revoked: bool

    def stands(self, off: frozenset[Role]) -> bool:
        lives = self.begins <= NOON and (self.ends is None or self.ends > NOON)
        return lives and not self.is_revoked and self.role not in off


grants = st.builds(
    Given,
    st.sampled_from(Role),
    st.none() | st.sampled_from(SITES),
    st.sampled_from([BEFORE, NOON, NOON + HOUR]),
    st.sampled_from([NOON, NOON + HOUR, NOON + 3 * HOUR, None]),
    st.booleans(),
).filter(lambda each: each.ends is None or each.ends > each.begins)
# Without an end a role is granted once at a place.
held_grants = st.lists(
    grants, max_size=5, unique_by=lambda each: (each.role, each.site_id, each.ends, each.ends and each.begins)
)
role_sets = st.none() | st.frozensets(st.sampled_from(Role), min_size=1)
site_sets = st.none() | st.frozensets(st.sampled_from(SITES), min_size=1)


def seed(owner: Owner, held: list[Given]) -> str:
    name = f"p-{next(_NUMBERS)}"
    owner.execute("ALTER TABLE grants DISABLE TRIGGER last_administrator")
    seed_principal(owner, name, issuer=BASE_SETTINGS["OIDC_ISSUER"], subject=name)
    for each in held:
        grant_id = seed_grant(
            owner, name, each.role, each.site_id, valid_from=each.begins, valid_until=each.ends
        )
        if each.is_revoked:
            owner.execute(
                "UPDATE grants SET revoked_at = %s, revoked_by = 'x' WHERE grant_id = %s", (NOON, grant_id)
            )
    return name


def judge(
    caller: Caller,
    held: list[Given],
    off: frozenset[Role],
    roles: frozenset[Role] | None,
    sites: frozenset[str] | None,
) -> None:
    """Every permission and field at every place, one grant at a time."""
    standing = [each for each in held if each.stands(off) and (roles is None or each.role in roles)]
    for permission, place in product(Permission, (*SITES, "elsewhere")):
        inside = sites is None or place in sites
        may = inside and any(
            permission in PERMISSIONS[each.role] and each.site_id in (None, place) for each in standing
        )
        scope = caller.scope_of(permission)
        if permission.startswith("all:"):
            whole = sites is None and any(
                permission in PERMISSIONS[each.role] and each.site_id is None for each in standing
            )
            assert bool(scope) == whole
        elif permission is not Permission.TOKEN_OWN or caller.token_id is None:
            assert scope.holds(place) == may, (permission, place)
    for field, place in product(Field, SITES):
        inside = sites is None or place in sites
        shown = any(field in SHOWN[each.role] and each.site_id in (None, place) for each in standing)
        assert caller.sees(field, place) == (inside and shown)


@given(held_grants, role_sets, site_sets, st.frozensets(st.sampled_from([Role.VIEWER, Role.AUDITOR])))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_effective_is_what_grants_and_credential_both_allow(
    owner: Owner,
    runtime: Runtime,
    held: list[Given],
    roles: frozenset[Role] | None,
    sites: frozenset[str] | None,
    off: frozenset[Role],
) -> None:
    assert isinstance(runtime.token_keys, HeldKeys)
    runtime.token_keys.keys["rsa-1"] = rsa_key().public()
    owner.execute("UPDATE roles SET is_active = NOT role = ANY (%s)", ([role.value for role in off],))
    name = seed(owner, held)
    claimed = None if roles is None else [role.value for role in roles]
    issued = authenticate(runtime, f"Bearer {token(sub=name, roles=claimed)}")
    judge(issued, held, off, roles, None)
    own = seed_token(owner, name, roles=claimed, sites=None if sites is None else sorted(sites))
    judge(authenticate(runtime, f"Bearer {own}"), held, off, roles, sites)
