"""People, grants, tokens, roles, sites and the first start over HTTP: what a caller sends and reads."""

from typing import Any

import azure.functions as func
import psycopg
import pytest

from shared.runtime import Runtime
from tests.support.callers import seed_administrator, seed_principal
from tests.support.requests import body_of, fields_of, known_as, send
from tests.support.runtime import runtime_for

Owner = psycopg.Connection[Any]
SECRET = "the-secret-of-the-first-start-of-32"
WHY = {"reason": "a test"}


@pytest.fixture
def asked(runtime: Runtime) -> "Asked":
    return Asked(runtime)


class Asked:
    """Requests of an administrator of all sites, unless another credential is named."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.administrator = known_as(runtime, "administrator")

    def __call__(
        self, name: str, body: object = None, query: str = "", *, who: str = "", **more: Any
    ) -> func.HttpResponse:
        path = more.pop("path", None)
        headers = {"Authorization": who or self.administrator, **more}
        return send(self.runtime, name, headers, query, path, body)

    def made(self, name: str, body: object, **more: Any) -> dict[str, Any]:
        response = self(name, body, **more)
        assert response.status_code in (200, 201), response.get_body()
        found = body_of(response)
        assert isinstance(found, dict)
        return found


def test_a_person_from_hiring_to_leaving(asked: Asked) -> None:
    person = asked.made(
        "http_principal_create", {"kind": "PERSON", "name": "Lee", "principal_id": "lee", **WHY}
    )
    assert person["is_active"] is True
    grant = asked.made(
        "http_grant_give", {"principal_id": "lee", "role": "viewer", "site_id": "KR-SEOUL", **WHY}
    )
    listed = body_of(asked("http_grants", query="principal_id=lee"))
    assert [each["grant_id"] for each in listed["items"]] == [grant["grant_id"]]
    asked.made("http_grant_revoke", WHY, path={"grant_id": grant["grant_id"]})
    off = asked("http_principal_deactivate", WHY, path={"principal_id": "lee"}, **{"If-Match": '"1"'})
    assert (off.status_code, off.headers["ETag"]) == (200, '"2"')
    stale = asked("http_principal_activate", WHY, path={"principal_id": "lee"}, **{"If-Match": '"1"'})
    assert (stale.status_code, body_of(stale)["code"]) == (412, "PRECONDITION_FAILED")
    assert asked("http_principal_activate", WHY, path={"principal_id": "lee"}).status_code == 200
    names = [each["principal_id"] for each in body_of(asked("http_principals"))["items"]]
    assert names == ["lee", "test-administrator"]


def test_a_token_opens_rotates_and_ends(asked: Asked, owner: Owner) -> None:
    seed_principal(owner, "reports", kind="SERVICE")
    asked.made("http_grant_give", {"principal_id": "reports", "role": "viewer", "all_sites": True, **WHY})
    token = asked.made("http_token_issue", {"principal_id": "reports", "name": "nightly", "days": 3, **WHY})
    holder, path = f"Bearer {token['secret']}", {"token_id": token["token_id"]}
    assert asked("http_sites", who=holder).status_code == 200
    expiring = body_of(asked("http_tokens_expiring"))
    assert [each["token_id"] for each in expiring["items"]] == [token["token_id"]]
    rotated = asked.made("http_own_token_rotate", WHY, who=holder, path=path)
    assert rotated["secret"] != token["secret"]
    own = body_of(asked("http_own_tokens", who=f"Bearer {rotated['secret']}"))
    assert [each["token_id"] for each in own["items"]] == [token["token_id"]]
    assert "secret" not in own["items"][0]
    asked.made("http_own_token_revoke", WHY, who=holder, path=path)
    assert asked("http_sites", who=holder).status_code == 401
    gone = asked("http_token_revoke", WHY, path=path)
    assert (gone.status_code, body_of(gone)["code"]) == (404, "TOKEN_NOT_FOUND")


def test_a_repeated_issue_answers_without_the_secret(asked: Asked, owner: Owner) -> None:
    seed_principal(owner, "reports", kind="SERVICE")
    wish = {"principal_id": "reports", "name": "nightly", **WHY}
    first = asked("http_token_issue", wish, **{"Idempotency-Key": "once"})
    again = asked("http_token_issue", wish, **{"Idempotency-Key": "once"})
    assert body_of(again) == {**body_of(first), "secret": None}
    assert again.headers["Idempotency-Replayed"] == "true"
    other = asked("http_token_issue", {**wish, "days": 1}, **{"Idempotency-Key": "once"})
    assert other.status_code == 409


def test_break_glass_is_listed_until_it_is_reviewed(asked: Asked, owner: Owner) -> None:
    seed_principal(owner, "lee")
    glass = asked.made(
        "http_break_glass_give",
        {"principal_id": "lee", "role": "operator", "site_id": "KR-SEOUL", "hours": 1.5, **WHY},
    )
    listed = body_of(asked("http_grants", query="unreviewed=true"))
    assert [each["grant_id"] for each in listed["items"]] == [glass["grant_id"]]
    path = {"grant_id": glass["grant_id"]}
    assert asked("http_break_glass_review", WHY, path=path).status_code == 403
    other = known_as(asked.runtime, "site_manager", "KR-SEOUL")
    asked.made("http_break_glass_review", WHY, path=path, who=other)
    assert body_of(asked("http_grants", query="unreviewed=true"))["items"] == []


def test_a_role_is_changed_by_its_version(asked: Asked) -> None:
    roles = {each["role"]: each for each in body_of(asked("http_roles"))["items"]}
    change = {"shown_fields": ["user_id"], **WHY}
    without = asked("http_role_change", change, path={"role_id": "viewer"})
    assert (without.status_code, body_of(without)["code"]) == (428, "PRECONDITION_MISSING")
    tag = {"If-Match": f'"{roles["viewer"]["version"]}"'}
    changed = asked.made("http_role_change", change, path={"role_id": "viewer"}, **tag)
    assert (changed["shown_fields"], changed["permissions"]) == (["user_id"], roles["viewer"]["permissions"])
    last = asked(
        "http_role_change",
        {"is_active": False, **WHY},
        path={"role_id": "administrator"},
        **{"If-Match": "*"},
    )
    assert (last.status_code, body_of(last)["code"]) == (409, "LAST_ADMINISTRATOR")


def test_a_site_is_created_and_changed(asked: Asked) -> None:
    asked.made("http_site_create", {"site_id": "KR-BUSAN", "name": "Busan", "time_zone": "Asia/Seoul", **WHY})
    changes = {"silence_window_seconds": None, **WHY}
    changed = asked.made("http_site_change", changes, path={"site_id": "KR-BUSAN"}, **{"If-Match": '"1"'})
    assert (changed["silence_window_seconds"], changed["name"], changed["version"]) == (None, "Busan", 2)
    assert len(body_of(asked("http_sites", query="limit=2"))["items"]) == 2


@pytest.mark.parametrize(
    ("name", "body", "path", "fields"),
    [
        ("http_principal_create", {"kind": "ROBOT", "name": "x", **WHY}, None, ["kind"]),
        ("http_principal_create", {"name": "x"}, None, ["kind", "reason"]),
        ("http_principal_create", {"kind": "PERSON", "name": "x", "site": "A", **WHY}, None, ["site"]),
        ("http_principal_create", {"kind": "PERSON", "name": "x", "reason": "  "}, None, ["reason"]),
        ("http_grant_give", {"principal_id": "p", "role": "viewer", **WHY}, None, ["site_id"]),
        (
            "http_grant_give",
            {
                "principal_id": "p",
                "role": "viewer",
                "all_sites": True,
                "valid_until": "9999-12-31T23:59:59Z",
                **WHY,
            },
            None,
            ["valid_until"],
        ),
        (
            "http_grant_give",
            {
                "principal_id": "p",
                "role": "viewer",
                "all_sites": True,
                "valid_until": "2030-01-01T00:00:00",
                **WHY,
            },
            None,
            ["valid_until"],
        ),
        ("http_token_issue", {"principal_id": "p", "name": "x", "days": 31, **WHY}, None, ["days"]),
        ("http_token_issue", {"principal_id": "p", "name": "x", "roles": [], **WHY}, None, ["roles"]),
        (
            "http_break_glass_give",
            {"principal_id": "p", "role": "viewer", "hours": 0, **WHY},
            None,
            ["hours"],
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_field(
    asked: Asked, name: str, body: object, path: dict[str, str] | None, fields: list[str]
) -> None:
    assert fields_of(asked(name, body, path=path)) == fields


def test_a_site_manager_sees_and_changes_its_own_site_only(asked: Asked, owner: Owner) -> None:
    seed_principal(owner, "seoul", site_id="KR-SEOUL")
    seed_principal(owner, "tokyo", site_id="JP-TOKYO")
    manager = known_as(asked.runtime, "site_manager", "KR-SEOUL")
    listed = body_of(asked("http_principals", who=manager))
    assert [each["principal_id"] for each in listed["items"]] == ["seoul"]
    for principal_id in ("tokyo", "nobody"):
        wish = {"principal_id": principal_id, "role": "viewer", "site_id": "KR-SEOUL", **WHY}
        foreign = asked("http_grant_give", wish, who=manager)
        assert (foreign.status_code, body_of(foreign)["code"]) == (404, "PRINCIPAL_NOT_FOUND")
    beyond = {"principal_id": "seoul", "role": "administrator", "site_id": "KR-SEOUL", **WHY}
    refused = asked("http_grant_give", beyond, who=manager)
    assert (refused.status_code, body_of(refused)["code"]) == (403, "GRANT_BEYOND_OWN")


def test_the_first_start(database_url: str, owner: Owner) -> None:
    runtime = runtime_for(database_url, BOOTSTRAP_SECRET=SECRET)
    first = {"name": "Root", "principal_id": "root", "secret": SECRET, **WHY}
    wrong = send(runtime, "http_bootstrap", body={**first, "secret": "wrong"})
    assert (wrong.status_code, body_of(wrong)["code"]) == (403, "BOOTSTRAP_VOID")
    done = send(runtime, "http_bootstrap", body=first)
    assert done.status_code == 201
    holder = {"Authorization": f"Bearer {body_of(done)['secret']}"}
    assert body_of(send(runtime, "http_principals", holder))["items"][0]["principal_id"] == "root"
    assert send(runtime, "http_bootstrap", body=first).status_code == 403
    runtime.database.dispose()


def test_a_refusal_of_somebody_known_is_in_the_record(asked: Asked, owner: Owner) -> None:
    seed_administrator(owner, "root")
    viewer = known_as(asked.runtime, "viewer")
    assert (
        asked("http_principal_deactivate", WHY, who=viewer, path={"principal_id": "root"}).status_code == 403
    )
    row = owner.execute("SELECT actor, action, outcome, target_id FROM audit_entries").fetchall()
    assert row == [("test-viewer", "administrator:principal:deactivate", "DENIED", "root")]
