"""Sites: created by who holds all of them, changed and listed by who holds them."""

from typing import Any

import psycopg
import pytest

from shared.errors.request import PreconditionFailed, RequestInvalid
from shared.runtime import Runtime
from shared.security.model import Permission
from shared.sites.change_site import change_site
from shared.sites.create_site import create_site
from shared.sites.errors import SiteExists, SiteNotFound
from shared.sites.list_sites import list_sites
from shared.sites.model import Wish
from tests.support.callers import context_with

Owner = psycopg.Connection[Any]
ADMINISTRATOR = context_with("administrator", Permission.SITE_MANAGE)
SEOUL_MANAGER = context_with("site_manager", Permission.SITE_MANAGE, "KR-SEOUL")
BUSAN = Wish("Busan desk", "Asia/Seoul")


def test_a_site_is_created_once(owner: Owner, runtime: Runtime) -> None:
    done = create_site(runtime, ADMINISTRATOR, "KR-BUSAN", BUSAN, "a new desk")
    assert (done.status, done.body["version"], done.body["pair_window_seconds"]) == (201, 1, 900)
    with pytest.raises(SiteExists):
        create_site(runtime, ADMINISTRATOR, "KR-BUSAN", BUSAN, "again")
    rows = owner.execute("SELECT site_id, outcome FROM audit_entries ORDER BY position").fetchall()
    assert rows == [("KR-BUSAN", "DONE"), ("KR-BUSAN", "FAILED")]


def test_who_holds_some_sites_creates_none(owner: Owner, runtime: Runtime) -> None:
    with pytest.raises(SiteNotFound):
        create_site(runtime, SEOUL_MANAGER, "KR-BUSAN", BUSAN, "a test")
    assert owner.execute("SELECT count(*) FROM sites").fetchone() == (3,)


@pytest.mark.parametrize(
    ("site_id", "wish", "field"),
    [
        ("A B", BUSAN, "site_id"),
        ("", BUSAN, "site_id"),
        ("KR-BUSAN", Wish(" ", "Asia/Seoul"), "name"),
        ("KR-BUSAN", Wish("Busan", "Asia/Busan"), "time_zone"),
        ("KR-BUSAN", Wish("Busan", ""), "time_zone"),
        ("KR-BUSAN", Wish("Busan", "Asia/Seoul", pair_window_seconds=0), "pair_window_seconds"),
        (
            "KR-BUSAN",
            Wish("Busan", "Asia/Seoul", silence_window_seconds=31_536_001),
            "silence_window_seconds",
        ),
    ],
)
def test_what_is_no_site_is_refused(runtime: Runtime, site_id: str, wish: Wish, field: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        create_site(runtime, ADMINISTRATOR, site_id, wish, "a test")
    assert [each.field for each in refused.value.fields] == [field]


def test_a_change_leaves_the_rest_and_is_recorded_with_both_states(owner: Owner, runtime: Runtime) -> None:
    changes = {"name": "Seoul main desk", "silence_window_seconds": None}
    body = change_site(runtime, SEOUL_MANAGER, "KR-SEOUL", changes, "renamed", version=1).body
    assert (body["name"], body["silence_window_seconds"], body["version"]) == ("Seoul main desk", None, 2)
    assert (body["time_zone"], body["is_active"]) == ("Asia/Seoul", True)
    row = owner.execute(
        "SELECT before::jsonb ->> 'name', after::jsonb ->> 'name', site_id FROM audit_entries"
    ).fetchall()
    assert row == [("Seoul", "Seoul main desk", "KR-SEOUL")]


def test_a_change_of_what_somebody_else_changed_is_refused(runtime: Runtime) -> None:
    change_site(runtime, ADMINISTRATOR, "KR-SEOUL", {"is_active": False}, "closed", version=1)
    with pytest.raises(PreconditionFailed):
        change_site(runtime, ADMINISTRATOR, "KR-SEOUL", {"is_active": True}, "opened", version=1)


@pytest.mark.parametrize("site_id", ["JP-TOKYO", "NO-WHERE"])
def test_a_site_of_somebody_else_is_not_there(runtime: Runtime, site_id: str) -> None:
    with pytest.raises(SiteNotFound):
        change_site(runtime, SEOUL_MANAGER, site_id, {"name": "mine"}, "a test")


def test_a_list_shows_what_the_caller_holds(owner: Owner, runtime: Runtime) -> None:
    def seen(*sites: str) -> list[str]:
        context = context_with("viewer", Permission.LOOKUP_READ, *sites)
        first = list_sites(runtime, context, limit=2)
        rest = list_sites(runtime, context, limit=2, cursor=first.next) if first.next else None
        return [each.site_id for each in (*first.items, *(rest.items if rest else ()))]

    assert seen() == ["EU-PARIS", "JP-TOKYO", "KR-SEOUL"]
    assert seen("KR-SEOUL", "EU-PARIS") == ["EU-PARIS", "KR-SEOUL"]
    assert seen("NO-WHERE") == []
    counted = owner.execute("SELECT count(*) FROM access_records").fetchone()
    assert counted == (4,)
