"""Counterfoil's own tokens: issued within what the issuer holds, shown once, rotated, revoked, warned of."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from shared.errors.base import CounterfoilError
from shared.errors.request import RequestInvalid
from shared.runtime import Runtime
from shared.security.authenticate import authenticate
from shared.security.errors import (
    GrantBeyondOwn,
    PrincipalNotFound,
    TokenInvalid,
    TokenNotFound,
    TokensTooMany,
)
from shared.security.model import Caller, Permission
from shared.security.own_tokens.issue_token import issue_token
from shared.security.own_tokens.list_expiring_tokens import list_expiring_tokens
from shared.security.own_tokens.list_tokens import list_tokens
from shared.security.own_tokens.model import Wish
from shared.security.own_tokens.revoke_token import revoke_token
from shared.security.own_tokens.rotate_token import rotate_token
from shared.security.own_tokens.warn_expiring_tokens import warn_expiring_tokens
from shared.sites.errors import SiteNotFound
from shared.spine.model import Context, Done
from tests.support.callers import (
    caller_with,
    context_of,
    context_with,
    holding,
    seed_grant,
    seed_principal,
    seed_token,
)
from tests.support.runtime import NOON, StandingClock, runtime_for

Owner = psycopg.Connection[Any]
ADMINISTRATOR = context_with("administrator", Permission.TOKEN_MANAGE)
SEOUL_MANAGER = context_with("site_manager", Permission.TOKEN_MANAGE, "KR-SEOUL")


@pytest.fixture(autouse=True)
def services(owner: Owner) -> None:
    """A service of one site that looks up there, and one that is managed by no site."""
    seed_principal(owner, "seoul", kind="SERVICE", site_id="KR-SEOUL")
    seed_grant(owner, "seoul", "viewer", "KR-SEOUL")
    seed_principal(owner, "anywhere", kind="SERVICE")


def issue(runtime: Runtime, context: Context, principal_id: str = "seoul", **more: Any) -> Done:
    return issue_token(runtime, context, Wish(principal_id=principal_id, name="the app", **more), "a test")


def refused(
    runtime: Runtime, context: Context, *arguments: Any, **more: Any
) -> type[CounterfoilError] | None:
    try:
        issue(runtime, context, *arguments, **more)
    except CounterfoilError as error:
        return type(error)
    return None


def caller_of(runtime: Runtime, done: Done) -> Caller:
    return authenticate(runtime, f"Bearer {done.body['secret']}")


def own(caller: Caller) -> Context:
    return context_of(caller, Permission.TOKEN_OWN)


def move(runtime: Runtime, **by: float) -> None:
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.move(**by)


def test_an_issued_token_opens_and_its_secret_stands_nowhere(owner: Owner, runtime: Runtime) -> None:
    done = issue(runtime, SEOUL_MANAGER)
    caller = caller_of(runtime, done)
    assert (caller.principal_id, caller.token_id) == ("seoul", done.body["token_id"])
    assert [(each.role, sorted(each.scope.sites)) for each in caller.holdings] == [("viewer", ["KR-SEOUL"])]
    secret = str(done.body["secret"])[20:]
    for table in ("tokens", "audit_entries", "idempotency_keys"):
        rows = owner.execute(f"SELECT t::text FROM {table} AS t").fetchall()
        assert not any(secret in row[0] for row in rows), table


def test_a_repeat_does_not_show_the_secret_again(owner: Owner, runtime: Runtime) -> None:
    context = context_with(
        "site_manager", Permission.TOKEN_MANAGE, "KR-SEOUL", idempotency_key="k", request_hash=bytes(32)
    )
    first, second = issue(runtime, context), issue(runtime, context)
    assert (first.replayed, second.replayed) == (False, True)
    assert second.body == {**first.body, "secret": None}
    assert owner.execute("SELECT count(*) FROM tokens").fetchone() == (1,)


def test_a_token_gives_no_more_than_its_issuer_holds(owner: Owner, runtime: Runtime) -> None:
    seed_grant(owner, "seoul", "auditor", "KR-SEOUL")
    assert refused(runtime, SEOUL_MANAGER) is GrantBeyondOwn
    assert refused(runtime, SEOUL_MANAGER, roles=("auditor",)) is GrantBeyondOwn
    assert refused(runtime, SEOUL_MANAGER, roles=("viewer",)) is None
    seed_grant(owner, "seoul", "viewer")
    assert refused(runtime, SEOUL_MANAGER, roles=("viewer",)) is GrantBeyondOwn
    assert refused(runtime, SEOUL_MANAGER, roles=("viewer",), sites=("KR-SEOUL",)) is None
    assert refused(runtime, ADMINISTRATOR) is None


def test_a_token_gives_nothing_its_issuer_does_not_hold_by_its_end(owner: Owner, runtime: Runtime) -> None:
    held = replace(holding("site_manager", "KR-SEOUL"), ends_at=NOON + timedelta(days=7))
    lent = context_of(caller_with("site_manager", holdings=(held,)), Permission.TOKEN_MANAGE)
    assert [refused(runtime, lent, days=days) for days in (7, 8, None)] == [
        None,
        GrantBeyondOwn,
        GrantBeyondOwn,
    ]
    seed_grant(owner, "seoul", "auditor", valid_from=NOON + timedelta(days=5))
    assert [refused(runtime, SEOUL_MANAGER, days=days) for days in (4, 5)] == [None, GrantBeyondOwn]


@pytest.mark.parametrize(
    ("context", "wish", "refusal"),
    [
        (SEOUL_MANAGER, {"principal_id": "anywhere"}, PrincipalNotFound),
        (SEOUL_MANAGER, {"principal_id": "nobody"}, PrincipalNotFound),
        (SEOUL_MANAGER, {"sites": ("JP-TOKYO",)}, SiteNotFound),
        (ADMINISTRATOR, {"sites": ("NO-WHERE",)}, SiteNotFound),
        (ADMINISTRATOR, {"roles": ("root",)}, RequestInvalid),
        (ADMINISTRATOR, {"roles": ()}, RequestInvalid),
        (ADMINISTRATOR, {"days": 0}, RequestInvalid),
        (ADMINISTRATOR, {"days": 31}, RequestInvalid),
    ],
)
def test_a_token_that_cannot_be_is_refused(
    runtime: Runtime, context: Context, wish: dict[str, Any], refusal: type[CounterfoilError]
) -> None:
    assert refused(runtime, context, **wish) is refusal


def test_nobody_inactive_gets_a_token(owner: Owner, runtime: Runtime) -> None:
    seed_principal(owner, "gone", is_active=False)
    assert refused(runtime, ADMINISTRATOR, "gone") is PrincipalNotFound


def test_the_policy_sets_life_and_number(database_url: str) -> None:
    runtime = runtime_for(
        database_url,
        TOKEN_LIFE_DAYS_MAX="10",
        TOKEN_IDLE_DAYS_MAX="10",
        TOKEN_ROTATE_AFTER_DAYS="3",
        TOKEN_ACTIVE_MAX="2",
    )
    body = issue(runtime, ADMINISTRATOR).body
    assert (body["expires_at"], body["rotate_by"]) == (
        "2026-12-03T12:00:00.000000Z",
        "2026-11-26T12:00:00.000000Z",
    )
    assert refused(runtime, ADMINISTRATOR, days=11) is RequestInvalid
    assert refused(runtime, ADMINISTRATOR, days=1) is None
    assert refused(runtime, ADMINISTRATOR) is TokensTooMany
    move(runtime, days=1)
    assert refused(runtime, ADMINISTRATOR) is None
    runtime.database.dispose()


def test_a_holder_rotates_its_token_and_the_old_secret_overlaps(owner: Owner, runtime: Runtime) -> None:
    first = issue(runtime, SEOUL_MANAGER, days=10)
    token_id = str(first.body["token_id"])
    move(runtime, days=5)
    second = rotate_token(runtime, own(caller_of(runtime, first)), token_id, "its time has come")
    assert second.body["expires_at"] == "2026-12-08T12:00:00.000000Z"
    assert caller_of(runtime, first) == caller_of(runtime, second)
    move(runtime, hours=1)
    with pytest.raises(TokenInvalid):
        caller_of(runtime, first)
    assert caller_of(runtime, second).token_id == token_id
    assert owner.execute("SELECT count(*) FROM tokens").fetchone() == (1,)


def test_without_an_overlap_the_old_secret_ends_at_once(database_url: str) -> None:
    runtime = runtime_for(database_url, TOKEN_OVERLAP_MINUTES="0")
    first = issue(runtime, SEOUL_MANAGER)
    second = rotate_token(runtime, own(caller_of(runtime, first)), str(first.body["token_id"]), "leaked")
    with pytest.raises(TokenInvalid):
        caller_of(runtime, first)
    caller_of(runtime, second)
    runtime.database.dispose()


def test_nobody_rotates_or_revokes_anothers_as_its_own(owner: Owner, runtime: Runtime) -> None:
    token_id = seed_token(owner, "anywhere")[3:19]
    for caller in (caller_of(runtime, issue(runtime, SEOUL_MANAGER)), caller_with("administrator")):
        with pytest.raises(TokenNotFound):
            rotate_token(runtime, own(caller), token_id, "a test")
        with pytest.raises(TokenNotFound):
            revoke_token(runtime, own(caller), token_id, "a test")


def test_a_narrow_token_does_not_rotate_a_broad_one(owner: Owner, runtime: Runtime) -> None:
    seed_grant(owner, "seoul", "auditor")
    broad = seed_token(owner, "seoul")[3:19]
    narrow = authenticate(runtime, f"Bearer {seed_token(owner, 'seoul', roles=['viewer'])}")
    with pytest.raises(GrantBeyondOwn):
        rotate_token(runtime, own(narrow), broad, "to get more")
    whole = authenticate(runtime, f"Bearer {seed_token(owner, 'seoul')}")
    assert rotate_token(runtime, own(whole), broad, "the same again").status == 200


def test_a_token_that_holds_nothing_can_still_revoke_itself(owner: Owner, runtime: Runtime) -> None:
    credential = seed_token(owner, "anywhere")
    caller = authenticate(runtime, f"Bearer {credential}")
    assert (caller.holdings, bool(own(caller).scope)) == ((), True)
    assert revoke_token(runtime, own(caller), credential[3:19], "lost").status == 200
    with pytest.raises(TokenInvalid):
        authenticate(runtime, f"Bearer {credential}")
    with pytest.raises(TokenNotFound):
        revoke_token(runtime, own(caller), credential[3:19], "again")


def test_a_manager_revokes_tokens_of_its_site_only(owner: Owner, runtime: Runtime) -> None:
    with pytest.raises(TokenNotFound):
        revoke_token(runtime, SEOUL_MANAGER, seed_token(owner, "anywhere")[3:19], "a test")
    done = revoke_token(runtime, SEOUL_MANAGER, seed_token(owner, "seoul")[3:19], "a test")
    assert done.body["revoked_by"] == SEOUL_MANAGER.caller.actor


def test_lists_show_what_is_managed_or_owned(owner: Owner, runtime: Runtime) -> None:
    mine, others = [seed_token(owner, "seoul")[3:19] for _ in range(3)], seed_token(owner, "anywhere")[3:19]
    revoked = seed_token(owner, "seoul")[3:19]
    owner.execute("UPDATE tokens SET revoked_at = now(), revoked_by = 'x' WHERE token_id = %s", [revoked])
    first = list_tokens(runtime, SEOUL_MANAGER, limit=2)
    rest = list_tokens(runtime, SEOUL_MANAGER, limit=2, cursor=first.next)
    assert [each.token_id for each in (*first.items, *rest.items)] == sorted(mine)
    assert rest.next is None
    assert {each.token_id for each in list_tokens(runtime, ADMINISTRATOR, limit=9).items} == {*mine, others}
    (shown,) = list_tokens(runtime, ADMINISTRATOR, principal_id="anywhere", limit=9).items
    assert shown.token_id == others
    holder = context_of(caller_with("service", principal_id="anywhere"), Permission.TOKEN_OWN)
    assert [each.token_id for each in list_tokens(runtime, holder, principal_id="seoul", limit=9).items] == [
        others
    ]


def test_whoever_is_about_to_lose_a_token_is_warned_once(owner: Owner, runtime: Runtime) -> None:
    soon, sooner, late = (timedelta(days=7), timedelta(days=3), timedelta(days=8))
    ids = {life: seed_token(owner, "seoul", life=life)[3:19] for life in (soon, sooner, late)}
    seed_token(owner, "anywhere", life=soon)
    listed = list_expiring_tokens(runtime, SEOUL_MANAGER, limit=1)
    after = list_expiring_tokens(runtime, SEOUL_MANAGER, limit=1, cursor=listed.next)
    assert [each.token_id for each in (*listed.items, *after.items)] == [ids[sooner], ids[soon]]
    assert after.next is None
    assert [warn_expiring_tokens(runtime), warn_expiring_tokens(runtime)] == [3, 0]
    move(runtime, days=1)
    assert warn_expiring_tokens(runtime) == 1
    told = owner.execute("SELECT payload ->> 'token_id' FROM outbox WHERE kind = 'ALERT'").fetchall()
    assert len(told) == 4
    assert {each[0] for each in told} >= set(ids.values())
