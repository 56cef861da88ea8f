"""Who calls, resolved from the rows: grants, roles and principals as they stand at that moment."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from shared.errors.base import DatabaseUnavailable
from shared.runtime import Runtime
from shared.security.authenticate import authenticate
from shared.security.errors import TokenInvalid
from shared.security.model import EVERYTHING, NOTHING, Caller, Field, Permission, Scope
from tests.support.callers import BEFORE, seed_grant, seed_principal, seed_token
from tests.support.runtime import BASE_SETTINGS, NOON, HeldKeys, StandingClock, runtime_for
from tests.support.tokens import rsa_key, token

Owner = psycopg.Connection[Any]
ISSUER = BASE_SETTINGS["OIDC_ISSUER"]


def hold_key(runtime: Runtime) -> None:
    assert isinstance(runtime.token_keys, HeldKeys)
    runtime.token_keys.keys["rsa-1"] = rsa_key().public()


@pytest.fixture
def alice(owner: Owner, runtime: Runtime) -> Owner:
    """A registered person the issuer knows as `somebody`, without any grant."""
    hold_key(runtime)
    seed_principal(owner, "alice", issuer=ISSUER, subject="somebody")
    return owner


def called(runtime: Runtime, **claims: Any) -> Caller:
    """Who an issuer's token without role claims turns out to be."""
    return authenticate(runtime, f"Bearer {token(**{'roles': None, **claims})}")


def looks_up(caller: Caller) -> Scope:
    return caller.scope_of(Permission.LOOKUP_READ)


def move(runtime: Runtime, **by: float) -> None:
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.move(**by)


def test_a_principal_nobody_registered_holds_nothing(owner: Owner, runtime: Runtime) -> None:
    hold_key(runtime)
    caller = called(runtime, roles=["administrator"])
    assert (caller.actor, caller.holdings) == ("unregistered:somebody", ())
    assert all(caller.scope_of(permission) == NOTHING for permission in Permission)


def test_nobody_goes_by_the_name_of_somebody_who_is_registered(owner: Owner, runtime: Runtime) -> None:
    hold_key(runtime)
    seed_principal(owner, "somebody")
    seed_grant(owner, "somebody", "administrator")
    caller = called(runtime)
    assert (caller.principal_id != "somebody", caller.actor != "somebody", caller.holdings) == (
        True,
        True,
        (),
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        seed_principal(owner, caller.principal_id)


def test_a_principal_is_its_own_issuers_only(owner: Owner, runtime: Runtime) -> None:
    hold_key(runtime)
    seed_principal(owner, "alice", issuer="https://elsewhere.example", subject="somebody")
    seed_grant(owner, "alice", "administrator")
    assert called(runtime).holdings == ()


def test_grants_of_one_role_are_one_holding(alice: Owner, runtime: Runtime) -> None:
    seed_grant(alice, "alice", "viewer", "KR-SEOUL")
    seed_grant(alice, "alice", "viewer", "JP-TOKYO")
    seed_grant(alice, "alice", "auditor", "EU-PARIS")
    caller = called(runtime)
    assert [(each.role, each.scope) for each in caller.holdings] == [
        ("auditor", Scope(frozenset({"EU-PARIS"}))),
        ("viewer", Scope(frozenset({"KR-SEOUL", "JP-TOKYO"}))),
    ]
    assert looks_up(caller) == Scope(frozenset({"KR-SEOUL", "JP-TOKYO", "EU-PARIS"}))
    assert caller.scope_of(Permission.AUDIT_READ) == Scope(frozenset({"EU-PARIS"}))
    assert [caller.sees(Field.USER_ID, site) for site in ("EU-PARIS", "KR-SEOUL", None)] == [
        True,
        False,
        False,
    ]


def test_all_is_all(alice: Owner, runtime: Runtime) -> None:
    seed_grant(alice, "alice", "viewer", "KR-SEOUL")
    seed_grant(alice, "alice", "viewer")
    assert looks_up(called(runtime)) == EVERYTHING


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        ({}, {"auditor", "viewer"}),
        ({"roles": ["viewer"]}, {"viewer"}),
        ({"roles": ["operator"]}, set()),
        ({"roles": []}, set()),
        ({"roles": ["administrator", "auditor"]}, {"auditor"}),
        ({"roles": ["ADMIN_READ"]}, {"viewer"}),
        ({"roles": ["ADMIN_AUDIT"]}, {"auditor", "viewer"}),
        ({"scp": "user_impersonation"}, set()),
        ({"scp": "viewer"}, {"viewer"}),
    ],
)
def test_a_role_claim_is_the_most_a_token_may_do(
    alice: Owner, runtime: Runtime, claims: dict[str, Any], roles: set[str]
) -> None:
    seed_grant(alice, "alice", "viewer", "KR-SEOUL")
    seed_grant(alice, "alice", "auditor", "EU-PARIS")
    assert {each.role for each in called(runtime, **claims).holdings} == roles


def test_what_is_inactive_stops_at_once(alice: Owner, runtime: Runtime) -> None:
    grant_id = seed_grant(alice, "alice", "viewer")
    assert looks_up(called(runtime))
    for stop, again in (
        ("UPDATE principals SET is_active = false", "UPDATE principals SET is_active = true"),
        ("UPDATE roles SET is_active = false WHERE role = 'viewer'", "UPDATE roles SET is_active = true"),
        (
            f"UPDATE grants SET revoked_at = now(), revoked_by = 'x' WHERE grant_id = '{grant_id}'",
            "UPDATE grants SET revoked_at = NULL, revoked_by = NULL",
        ),
    ):
        alice.execute("ALTER TABLE principals DISABLE TRIGGER last_administrator")
        alice.execute(stop)
        assert (called(runtime).holdings, called(runtime).actor) == ((), "alice")
        alice.execute(again)
        assert looks_up(called(runtime))


def test_a_grant_holds_from_its_beginning_to_before_its_end(alice: Owner, runtime: Runtime) -> None:
    begins, ends = NOON + timedelta(minutes=1), NOON + timedelta(minutes=3)
    seed_grant(alice, "alice", "viewer", valid_from=begins, valid_until=ends)
    held = []
    for _ in range(5):
        held.append(bool(looks_up(called(runtime))))
        move(runtime, minutes=1)
    assert held == [False, True, True, False, False]


def test_a_token_of_ours_is_cut_down_to_its_roles_and_sites(alice: Owner, runtime: Runtime) -> None:
    for role, site in (("viewer", None), ("auditor", "EU-PARIS"), ("operator", "KR-SEOUL")):
        seed_grant(alice, "alice", role, site)
    whole = authenticate(runtime, f"Bearer {seed_token(alice, 'alice')}")
    assert looks_up(whole) == EVERYTHING
    assert (whole.principal_id, whole.token_id is not None) == ("alice", True)
    cut = authenticate(
        runtime, f"Bearer {seed_token(alice, 'alice', roles=['viewer', 'auditor'], sites=['KR-SEOUL'])}"
    )
    assert [(each.role, each.scope) for each in cut.holdings] == [("viewer", Scope(frozenset({"KR-SEOUL"})))]


def refused(runtime: Runtime, credential: str) -> bool:
    try:
        authenticate(runtime, f"Bearer {credential}")
    except TokenInvalid:
        return True
    return False


def test_only_the_whole_token_opens(alice: Owner, runtime: Runtime) -> None:
    good, other = seed_token(alice, "alice"), seed_token(alice, "alice")
    assert not refused(runtime, good)
    changed = good[:-1] + ("A" if good[-1] != "A" else "B")
    for bad in (
        changed,
        good + "A",
        good[:-1],
        good[:20] + other[20:],
        good.upper(),
        f"cf_{'0' * 16}_{'A' * 43}",
        "cf_",
    ):
        assert refused(runtime, bad), bad


def test_a_token_ends_with_its_life_its_idleness_its_revocation_and_its_principal(
    alice: Owner, runtime: Runtime
) -> None:
    short = seed_token(alice, "alice", life=timedelta(minutes=5))
    revoked = seed_token(alice, "alice")
    alice.execute(
        "UPDATE tokens SET revoked_at = now(), revoked_by = 'x' WHERE token_id = %s", [revoked[3:19]]
    )
    assert (refused(runtime, short), refused(runtime, revoked)) == (False, True)
    move(runtime, minutes=5)
    assert refused(runtime, short)
    alice.execute("ALTER TABLE principals DISABLE TRIGGER last_administrator")
    lasting = seed_token(alice, "alice")
    alice.execute("UPDATE principals SET is_active = false")
    assert refused(runtime, lasting)


def test_a_token_that_lies_idle_too_long_is_dead(database_url: str, alice: Owner) -> None:
    runtime = runtime_for(database_url, TOKEN_IDLE_DAYS_MAX="2")
    used, idle = seed_token(alice, "alice"), seed_token(alice, "alice")
    for _ in range(3):
        move(runtime, days=1)
        assert not refused(runtime, used)
    assert refused(runtime, idle)
    runtime.database.dispose()


def test_use_is_noted_once_a_minute(alice: Owner, runtime: Runtime) -> None:
    credential = seed_token(alice, "alice")
    noted = []
    for seconds in (0, 59, 1, 30, 30):
        move(runtime, seconds=seconds)
        authenticate(runtime, f"Bearer {credential}")
        noted += alice.execute("SELECT last_used_at FROM tokens").fetchall()
    assert [int((each[0] - NOON).total_seconds()) for each in noted] == [0, 0, 60, 60, 120]


def test_nobody_waits_for_a_token_that_is_being_changed(alice: Owner, runtime: Runtime) -> None:
    credential = seed_token(alice, "alice")
    with alice.transaction():
        alice.execute("SELECT FROM tokens FOR UPDATE")
        assert not refused(runtime, credential)
    assert alice.execute("SELECT last_used_at FROM tokens").fetchone() == (None,)


def test_the_previous_secret_is_good_until_the_overlap_ends(alice: Owner, runtime: Runtime) -> None:
    old, new = seed_token(alice, "alice"), seed_token(alice, "alice")
    alice.execute(
        "UPDATE tokens AS t SET previous_sha256 = t.secret_sha256, secret_sha256 = n.secret_sha256,"
        " rotated_at = %s, previous_until = %s, expires_at = %s FROM tokens AS n"
        " WHERE t.token_id = %s AND n.token_id = %s",
        (NOON, NOON + timedelta(hours=1), NOON + timedelta(days=1), old[3:19], new[3:19]),
    )
    rotated = f"cf_{old[3:19]}_{new[20:]}"
    assert not refused(runtime, old)
    assert not refused(runtime, rotated)
    move(runtime, hours=1)
    assert refused(runtime, old)
    assert not refused(runtime, rotated)


@pytest.fixture
def unreachable() -> Iterator[Runtime]:
    runtime = runtime_for(BASE_SETTINGS["DATABASE_URL"])
    hold_key(runtime)
    yield runtime
    runtime.database.dispose()


@pytest.mark.parametrize("credential", [token(), f"cf_{'0' * 16}_{'A' * 43}"], ids=["issued", "own"])
def test_without_the_database_nobody_is_let_in_and_nobody_is_called_wrong(
    unreachable: Runtime, credential: str
) -> None:
    with pytest.raises(DatabaseUnavailable):
        authenticate(unreachable, f"Bearer {credential}")


def test_a_permission_nobody_here_knows_counts_for_nothing(alice: Owner, runtime: Runtime) -> None:
    alice.execute(
        "UPDATE roles SET permissions = permissions || ARRAY['site:moon:walk'] WHERE role = 'viewer'"
    )
    seed_grant(alice, "alice", "viewer", valid_from=BEFORE)
    (held,) = called(runtime).holdings
    assert held.permissions == {Permission.LOOKUP_READ, Permission.TOKEN_OWN}
