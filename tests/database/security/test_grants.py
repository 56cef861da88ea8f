"""Giving and taking roles: nobody gives what they do not hold, and somebody is always left who may."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from shared.errors.base import CounterfoilError
from shared.errors.request import RequestInvalid
from shared.runtime import Runtime
from shared.security.errors import (
    GrantBeyondOwn,
    GrantExists,
    GrantNotFound,
    LastAdministrator,
    NotAllowed,
    PrincipalNotFound,
    RoleNotFound,
)
from shared.security.grants.give_break_glass import give_break_glass
from shared.security.grants.give_grant import give_grant
from shared.security.grants.list_grants import list_grants
from shared.security.grants.model import Grant, Wish
from shared.security.grants.review_break_glass import review_break_glass
from shared.security.grants.revoke_grant import revoke_grant
from shared.security.model import Permission
from shared.sites.errors import SiteNotFound
from shared.spine.model import Context, Done
from tests.support.callers import caller_with, context_of, context_with, holding, seed_grant, seed_principal
from tests.support.runtime import NOON

Owner = psycopg.Connection[Any]
MANAGE = Permission.PRINCIPAL_MANAGE
ADMINISTRATOR = context_with("administrator", MANAGE)
SEOUL_MANAGER = context_with("site_manager", MANAGE, "KR-SEOUL")


@pytest.fixture(autouse=True)
def people(owner: Owner) -> None:
    """One person managed by each of two sites, and one managed by none."""
    seed_principal(owner, "seoul", site_id="KR-SEOUL")
    seed_principal(owner, "tokyo", site_id="JP-TOKYO")
    seed_principal(owner, "anywhere")


def give(
    runtime: Runtime, context: Context, principal_id: str, role: str, site: str | None, **more: Any
) -> Done:
    wish = Wish(principal_id=principal_id, role=role, site_id=site, all_sites=site is None, **more)
    return give_grant(runtime, context, wish, "a test")


def refused(runtime: Runtime, *arguments: Any, **more: Any) -> type[CounterfoilError] | None:
    try:
        give(runtime, *arguments, **more)
    except CounterfoilError as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    ("role", "site", "refusal"),
    [
        ("viewer", "KR-SEOUL", None),
        ("operator", "KR-SEOUL", None),
        ("site_manager", "KR-SEOUL", None),
        ("service", "KR-SEOUL", None),
        ("approver", "KR-SEOUL", GrantBeyondOwn),
        ("auditor", "KR-SEOUL", GrantBeyondOwn),
        ("administrator", "KR-SEOUL", GrantBeyondOwn),
        ("viewer", "JP-TOKYO", SiteNotFound),
        ("viewer", "NO-WHERE", SiteNotFound),
        ("viewer", None, GrantBeyondOwn),
        ("service", None, GrantBeyondOwn),
        ("root", "KR-SEOUL", RoleNotFound),
    ],
)
def test_a_site_manager_gives_what_it_holds_at_its_site(
    runtime: Runtime, role: str, site: str | None, refusal: type[CounterfoilError] | None
) -> None:
    assert refused(runtime, SEOUL_MANAGER, "seoul", role, site) is refusal


@pytest.mark.parametrize(
    "role", ["viewer", "operator", "approver", "auditor", "site_manager", "administrator"]
)
@pytest.mark.parametrize("site", ["JP-TOKYO", None])
def test_an_administrator_of_all_sites_gives_everything(
    runtime: Runtime, role: str, site: str | None
) -> None:
    assert give(runtime, ADMINISTRATOR, "anywhere", role, site).status == 201


@pytest.mark.parametrize("principal_id", ["tokyo", "anywhere", "nobody"])
def test_whoever_is_managed_elsewhere_is_not_there(runtime: Runtime, principal_id: str) -> None:
    assert refused(runtime, SEOUL_MANAGER, principal_id, "viewer", "KR-SEOUL") is PrincipalNotFound


def test_a_token_that_may_manage_itself_gives_no_more_for_it(runtime: Runtime) -> None:
    caller = caller_with("site_manager", "KR-SEOUL", token_id="0" * 16)
    assert refused(runtime, context_of(caller, MANAGE), "seoul", "service", None) is GrantBeyondOwn


def test_what_is_held_for_a_time_is_given_for_no_longer(runtime: Runtime) -> None:
    ends = NOON + timedelta(hours=4)
    held = replace(holding("administrator"), ends_at=ends)
    lent = context_of(caller_with("administrator", holdings=(held,)), MANAGE)
    assert refused(runtime, lent, "seoul", "viewer", "KR-SEOUL") is GrantBeyondOwn
    later = ends + timedelta(microseconds=1)
    assert refused(runtime, lent, "seoul", "viewer", "KR-SEOUL", valid_until=later) is GrantBeyondOwn
    assert refused(runtime, lent, "seoul", "viewer", "KR-SEOUL", valid_until=ends) is None
    own = context_of(caller_with("administrator", holdings=(held, holding("viewer"))), MANAGE)
    assert refused(runtime, own, "seoul", "viewer", None) is None


def test_an_inactive_role_is_not_given(owner: Owner, runtime: Runtime) -> None:
    owner.execute("UPDATE roles SET is_active = false WHERE role = 'viewer'")
    assert refused(runtime, ADMINISTRATOR, "seoul", "viewer", None) is RoleNotFound


def test_a_grant_without_an_end_stands_once(runtime: Runtime) -> None:
    for site in ("KR-SEOUL", None):
        give(runtime, ADMINISTRATOR, "seoul", "viewer", site)
        assert refused(runtime, ADMINISTRATOR, "seoul", "viewer", site) is GrantExists
    until = NOON + timedelta(days=1)
    give(runtime, ADMINISTRATOR, "seoul", "viewer", None, valid_until=until)


@pytest.mark.parametrize(
    "wish",
    [
        {"site_id": "KR-SEOUL", "all_sites": True},
        {"site_id": None, "all_sites": False},
        {"all_sites": True, "valid_from": NOON - timedelta(seconds=1)},
        {"all_sites": True, "valid_until": NOON},
        {"all_sites": True, "valid_from": NOON + timedelta(2), "valid_until": NOON + timedelta(1)},
        {"all_sites": True, "valid_until": NOON + timedelta(days=4000)},
    ],
)
def test_a_wish_that_contradicts_itself_is_refused(runtime: Runtime, wish: dict[str, Any]) -> None:
    with pytest.raises(RequestInvalid):
        give_grant(runtime, ADMINISTRATOR, Wish(principal_id="seoul", role="viewer", **wish), "a test")


def test_a_revoked_grant_is_gone(owner: Owner, runtime: Runtime) -> None:
    grant_id = str(give(runtime, SEOUL_MANAGER, "seoul", "viewer", "KR-SEOUL").body["grant_id"])
    done = revoke_grant(runtime, SEOUL_MANAGER, grant_id, "no longer here")
    assert (done.body["revoked_by"], done.body["revoked_at"]) == (
        SEOUL_MANAGER.caller.actor,
        "2026-11-23T12:00:00.000000Z",
    )
    with pytest.raises(GrantNotFound):
        revoke_grant(runtime, SEOUL_MANAGER, grant_id, "again")
    give(runtime, SEOUL_MANAGER, "seoul", "viewer", "KR-SEOUL")


@pytest.mark.parametrize("site", ["JP-TOKYO", None])
def test_a_grant_of_another_site_is_not_there(owner: Owner, runtime: Runtime, site: str | None) -> None:
    grant_id = seed_grant(owner, "seoul", "viewer", site)
    with pytest.raises(GrantNotFound):
        revoke_grant(runtime, SEOUL_MANAGER, grant_id, "a test")


def test_the_last_administrator_stays(owner: Owner, runtime: Runtime) -> None:
    first = seed_grant(owner, "seoul", "administrator")
    seed_grant(owner, "tokyo", "administrator", "JP-TOKYO")
    seed_grant(owner, "tokyo", "administrator", valid_until=NOON + timedelta(days=1))
    seed_grant(owner, "tokyo", "administrator", valid_from=NOON + timedelta(seconds=1))
    seed_principal(owner, "gone", is_active=False)
    seed_grant(owner, "gone", "administrator")
    with pytest.raises(LastAdministrator):
        revoke_grant(runtime, ADMINISTRATOR, first, "a test")
    second = seed_grant(owner, "anywhere", "administrator")
    assert revoke_grant(runtime, ADMINISTRATOR, first, "a test").status == 200
    with pytest.raises(LastAdministrator):
        revoke_grant(runtime, ADMINISTRATOR, second, "a test")


def test_a_list_shows_the_callers_sites_only_page_by_page(owner: Owner, runtime: Runtime) -> None:
    for principal_id in ("seoul", "tokyo", "anywhere"):
        for site in ("KR-SEOUL", "JP-TOKYO", None):
            seed_grant(owner, principal_id, "viewer", site)
    seen: list[Grant] = []
    cursor = None
    for _ in range(3):
        page = list_grants(runtime, SEOUL_MANAGER, limit=2, cursor=cursor)
        seen += page.items
        cursor = page.next
        if cursor is None:
            break
    assert [(each.principal_id, each.site_id) for each in seen] == [
        (each, "KR-SEOUL") for each in ("anywhere", "seoul", "tokyo")
    ]
    assert len(list_grants(runtime, ADMINISTRATOR, limit=100).items) == 9
    assert len(list_grants(runtime, ADMINISTRATOR, principal_id="seoul", limit=100).items) == 3


def lasting(runtime: Runtime, hours: float) -> Done:
    wish = Wish(principal_id="seoul", role="operator", site_id="KR-SEOUL")
    return give_break_glass(runtime, SEOUL_MANAGER, wish, timedelta(hours=hours), "the night shift is ill")


def test_break_glass_ends_alerts_at_once_and_waits_for_its_review(owner: Owner, runtime: Runtime) -> None:
    body = lasting(runtime, 2).body
    assert (body["valid_until"], body["break_glass"]) == ("2026-11-23T14:00:00.000000Z", True)
    alerts = owner.execute(
        "SELECT payload FROM outbox WHERE dedupe_key LIKE 'BREAK_GLASS_GIVEN:%'"
    ).fetchall()
    assert [each[0]["grant_id"] for each in alerts] == [body["grant_id"]]
    grant_id = str(body["grant_id"])
    assert [
        each.grant_id for each in list_grants(runtime, ADMINISTRATOR, unreviewed=True, limit=10).items
    ] == [grant_id]
    revoke_grant(runtime, SEOUL_MANAGER, grant_id, "they came after all")
    assert len(list_grants(runtime, SEOUL_MANAGER, unreviewed=True, limit=10).items) == 1
    holder = context_with("site_manager", MANAGE, "KR-SEOUL", principal_id="seoul")
    for involved in (holder, SEOUL_MANAGER):
        with pytest.raises(NotAllowed):
            review_break_glass(runtime, involved, grant_id, "nothing to see")
    assert review_break_glass(runtime, ADMINISTRATOR, grant_id, "one batch was started").status == 200
    assert list_grants(runtime, ADMINISTRATOR, unreviewed=True, limit=10).items == []
    with pytest.raises(GrantNotFound):
        review_break_glass(runtime, ADMINISTRATOR, grant_id, "again")


@pytest.mark.parametrize("hours", [0, -1, 4.1, 24])
def test_break_glass_lasts_hours(runtime: Runtime, hours: float) -> None:
    with pytest.raises(RequestInvalid):
        lasting(runtime, hours)


def test_a_usual_grant_has_no_review(owner: Owner, runtime: Runtime) -> None:
    with pytest.raises(GrantNotFound):
        review_break_glass(runtime, ADMINISTRATOR, seed_grant(owner, "seoul", "viewer"), "a test")


def test_what_was_done_and_refused_is_recorded(owner: Owner, runtime: Runtime) -> None:
    give(runtime, SEOUL_MANAGER, "seoul", "viewer", "KR-SEOUL")
    refused(runtime, SEOUL_MANAGER, "seoul", "auditor", "KR-SEOUL")
    refused(runtime, SEOUL_MANAGER, "tokyo", "viewer", "KR-SEOUL")
    rows = owner.execute(
        "SELECT action, outcome, role, site_id, after::jsonb ->> 'code' FROM audit_entries ORDER BY position"
    ).fetchall()
    action = "administrator:grant:give"
    assert rows == [
        (action, "DONE", "site_manager", "KR-SEOUL", None),
        (action, "DENIED", "site_manager", "KR-SEOUL", "GRANT_BEYOND_OWN"),
        (action, "FAILED", "site_manager", "KR-SEOUL", "PRINCIPAL_NOT_FOUND"),
    ]
