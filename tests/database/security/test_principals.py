"""Persons and services: made, deactivated and activated where they are managed."""

from typing import Any

import psycopg
import pytest

from shared.errors.base import CounterfoilError
from shared.errors.request import CursorInvalid, PreconditionFailed, RequestInvalid
from shared.runtime import Runtime
from shared.security.errors import GrantBeyondOwn, LastAdministrator, PrincipalExists, PrincipalNotFound
from shared.security.model import Permission
from shared.security.principals.activate_principal import activate_principal
from shared.security.principals.create_principal import create_principal
from shared.security.principals.deactivate_principal import deactivate_principal
from shared.security.principals.list_principals import list_principals
from shared.security.principals.model import NewPrincipal
from shared.sites.errors import SiteNotFound
from shared.spine.model import Context
from tests.support.callers import context_with, seed_administrator, seed_grant, seed_principal
from tests.support.runtime import BASE_SETTINGS

Owner = psycopg.Connection[Any]
MANAGE = Permission.PRINCIPAL_MANAGE
ADMINISTRATOR = context_with("administrator", MANAGE)
SEOUL_MANAGER = context_with("site_manager", MANAGE, "KR-SEOUL")


def person(**changes: Any) -> NewPrincipal:
    return NewPrincipal(**{"kind": "PERSON", "name": "Kim", "site_id": "KR-SEOUL", **changes})


def test_a_new_principal_is_there_and_holds_nothing(owner: Owner, runtime: Runtime) -> None:
    done = create_principal(runtime, SEOUL_MANAGER, person(subject="o-1", principal_id="kim"), "joins")
    assert done.status == 201
    row = owner.execute(
        "SELECT principal_id, issuer, subject, site_id, is_active, created_by FROM principals"
    ).fetchall()
    by = SEOUL_MANAGER.caller.actor
    assert row == [("kim", BASE_SETTINGS["OIDC_ISSUER"], "o-1", "KR-SEOUL", True, by)]
    assert owner.execute("SELECT count(*) FROM grants").fetchone() == (0,)


@pytest.mark.parametrize(
    ("context", "wished", "refusal"),
    [
        (SEOUL_MANAGER, person(site_id="JP-TOKYO"), SiteNotFound),
        (SEOUL_MANAGER, person(site_id="NO-WHERE"), SiteNotFound),
        (SEOUL_MANAGER, person(site_id=None), GrantBeyondOwn),
        (ADMINISTRATOR, person(site_id=None), None),
        (ADMINISTRATOR, person(name=" "), RequestInvalid),
        (ADMINISTRATOR, person(name="x" * 201), RequestInvalid),
        (ADMINISTRATOR, person(principal_id="a b"), RequestInvalid),
        (ADMINISTRATOR, person(principal_id=""), RequestInvalid),
        (ADMINISTRATOR, person(subject="a\nb"), RequestInvalid),
        (ADMINISTRATOR, person(principal_id="taken"), PrincipalExists),
        (ADMINISTRATOR, person(subject="taken"), PrincipalExists),
    ],
)
def test_who_can_be_made_where(
    owner: Owner,
    runtime: Runtime,
    context: Context,
    wished: NewPrincipal,
    refusal: type[CounterfoilError] | None,
) -> None:
    seed_principal(owner, "taken", issuer=BASE_SETTINGS["OIDC_ISSUER"], subject="taken")
    if refusal is None:
        create_principal(runtime, context, wished, "a test")
    else:
        with pytest.raises(refusal):
            create_principal(runtime, context, wished, "a test")
    assert owner.execute("SELECT count(*) FROM principals").fetchone() == (1 if refusal else 2,)


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_without_a_reason_nothing_happens(owner: Owner, runtime: Runtime, reason: str) -> None:
    with pytest.raises(RequestInvalid):
        create_principal(runtime, ADMINISTRATOR, person(), reason)
    for table in ("principals", "audit_entries"):
        assert owner.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_off_and_on_again(owner: Owner, runtime: Runtime) -> None:
    seed_administrator(owner)
    seed_principal(owner, "kim", site_id="KR-SEOUL")
    off = deactivate_principal(runtime, SEOUL_MANAGER, "kim", "leaves", version=1)
    assert (off.body["is_active"], off.body["version"]) == (False, 2)
    again = deactivate_principal(runtime, SEOUL_MANAGER, "kim", "leaves")
    assert (again.body["is_active"], again.body["version"]) == (False, 2)
    with pytest.raises(PreconditionFailed):
        activate_principal(runtime, SEOUL_MANAGER, "kim", "comes back", version=1)
    on = activate_principal(runtime, SEOUL_MANAGER, "kim", "comes back", version=2)
    assert (on.body["is_active"], on.body["version"]) == (True, 3)


@pytest.mark.parametrize("principal_id", ["tokyo", "anywhere", "nobody"])
def test_whoever_is_managed_elsewhere_is_not_there(owner: Owner, runtime: Runtime, principal_id: str) -> None:
    seed_principal(owner, "tokyo", site_id="JP-TOKYO")
    seed_principal(owner, "anywhere")
    for act in (deactivate_principal, activate_principal):
        with pytest.raises(PrincipalNotFound):
            act(runtime, SEOUL_MANAGER, principal_id, "a test")


def test_activating_gives_back_no_more_than_the_caller_holds(owner: Owner, runtime: Runtime) -> None:
    seed_principal(owner, "kim", site_id="KR-SEOUL", is_active=False)
    seed_grant(owner, "kim", "auditor", "KR-SEOUL")
    with pytest.raises(GrantBeyondOwn):
        activate_principal(runtime, SEOUL_MANAGER, "kim", "a test")
    assert activate_principal(runtime, ADMINISTRATOR, "kim", "a test").status == 200


def test_the_last_administrator_is_not_deactivated(owner: Owner, runtime: Runtime) -> None:
    seed_administrator(owner, "root")
    with pytest.raises(LastAdministrator):
        deactivate_principal(runtime, ADMINISTRATOR, "root", "a test")
    seed_administrator(owner, "second")
    assert deactivate_principal(runtime, ADMINISTRATOR, "root", "a test").status == 200
    assert owner.execute("SELECT outcome FROM audit_entries ORDER BY position").fetchall() == [
        ("FAILED",),
        ("DONE",),
    ]


def test_a_list_goes_on_where_the_page_ended(owner: Owner, runtime: Runtime) -> None:
    for number in range(5):
        seed_principal(owner, f"seoul-{number}", site_id="KR-SEOUL")
        seed_principal(owner, f"tokyo-{number}", site_id="JP-TOKYO")
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = list_principals(runtime, SEOUL_MANAGER, limit=2, cursor=cursor)
        seen += [each.principal_id for each in page.items]
        cursor = page.next
        if cursor is None:
            break
        # What comes before the page that was read does not move the next one.
        seed_principal(owner, f"a-{len(seen)}", site_id="KR-SEOUL")
    assert seen == [f"seoul-{number}" for number in range(5)]
    assert len(list_principals(runtime, ADMINISTRATOR, limit=100).items) == 12
    with pytest.raises(CursorInvalid):
        list_principals(runtime, SEOUL_MANAGER, limit=2, cursor="nonsense")
