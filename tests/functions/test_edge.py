"""The edge around a real caller: limits, what a refusal leaves behind, conditions, and who the caller is said to be."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

import azure.functions as func
import msgspec
import psycopg
import pytest

from functions.edge.endpoint import ANYONE, Answer, Endpoint, Request
from functions.edge.http import serve
from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security.errors import NotAllowed
from shared.security.model import Permission
from tests.support.requests import body_of, fields_of, http_request, known_as, send
from tests.support.runtime import StandingClock, runtime_for


class NewName(msgspec.Struct, forbid_unknown_fields=True):
    """A body."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=10)]
    reason: str


def seen(_runtime: Runtime, request: Request) -> Answer:
    """What the edge made of the request."""
    context = request.context
    return Answer(
        {
            "resource": context.resource,
            "address": context.client_address,
            "agent": context.user_agent,
            "key": context.idempotency_key,
            "hashed": context.request_hash is not None,
            "kept": dict(context.query),
            "name": request.read(NewName).name if request.body else None,
            "if_match": request.if_match,
        },
        version=request.if_match,
    )


READ = Endpoint(
    name="http_seen", route="seen/{name?}", methods=("GET",), permission=Permission.LOOKUP_READ, rate_class="read",
    query=("id", "limit"), answers=frozenset({200}), handle=seen,
)  # fmt: skip
WRITE = replace(
    READ, name="http_rename", methods=("POST",), permission=Permission.BATCH_RUN, rate_class="write", query=None,
    request=NewName, audit=Action.CEILING_RAISE, target="name", idempotency="optional", if_match="optional",
)  # fmt: skip
BODY = {"name": "a", "reason": "because"}


def ask(
    runtime: Runtime, endpoint: Endpoint, body: object = None, query: str = "", **headers: str
) -> func.HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = "http://127.0.0.1/api/seen"
    request = http_request(endpoint.methods[0], url, named, query, {"name": "n"}, body)
    return serve(runtime, endpoint, request)


@pytest.fixture
def limited(database_url: str) -> Iterator[Runtime]:
    """A runtime with narrow limits."""
    built = runtime_for(
        database_url,
        RATE_LIMIT_READ="3",
        RATE_LIMIT_WRITE="2",
        RATE_LIMIT_FAILURES="2",
        TRUSTED_PROXIES="10.0.0.0/8",
    )
    yield built
    built.database.dispose()


def rows_of(owner: psycopg.Connection[Any], table: str, columns: str) -> list[tuple[Any, ...]]:
    return owner.execute(f"SELECT {columns} FROM {table} ORDER BY 1, 2").fetchall()


def test_a_handler_is_told_who_calls_and_what_may_be_kept(runtime: Runtime) -> None:
    told = ask(
        runtime, READ, query="id=secret-1&limit=5", authorization=known_as(runtime), user_agent="curl/8",
        x_forwarded_for="1.1.1.1, 203.0.113.7:99",
    )  # fmt: skip
    shown = body_of(told)
    assert (shown["resource"], shown["address"], shown["agent"]) == ("http_seen", "203.0.113.7", "curl/8")
    assert shown["kept"] == {"id": "", "limit": "5"}
    assert (shown["key"], shown["hashed"], shown["if_match"]) == (None, False, None)


def test_a_write_has_its_body_key_and_version(runtime: Runtime) -> None:
    credential = known_as(runtime, "operator")
    answer = ask(runtime, WRITE, BODY, authorization=credential, idempotency_key="k-1", if_match='"7"')
    shown = body_of(answer)
    assert (shown["name"], shown["key"], shown["hashed"], shown["if_match"]) == ("a", "k-1", True, 7)
    assert answer.headers["ETag"] == '"7"'
    wrong = ask(runtime, WRITE, {"name": ""}, authorization=credential)
    assert fields_of(wrong) == ["name", "reason"]
    plain = ask(runtime, WRITE, b"{}", authorization=credential, content_type="text/plain")
    assert (plain.status_code, body_of(plain)["code"]) == (415, "MEDIA_TYPE_UNSUPPORTED")
    large = ask(runtime, WRITE, b"x" * 1_048_577, authorization=credential)
    assert (large.status_code, body_of(large)["code"]) == (413, "BODY_TOO_LARGE")
    header = ask(runtime, WRITE, BODY, authorization=credential, x_more="y" * 40_000)
    assert (header.status_code, body_of(header)["code"]) == (431, "HEADERS_TOO_LARGE")


def test_sizes_are_looked_at_before_anybody_is_known(runtime: Runtime) -> None:
    assert ask(runtime, WRITE, b"x" * 1_048_577).status_code == 413
    assert ask(runtime, WRITE, b"not json").status_code == 401


def test_a_principal_is_limited_and_told_when_to_come_again(limited: Runtime) -> None:
    credential = known_as(limited)
    answers = [
        ask(limited, READ, authorization=credential, x_forwarded_for=f"203.0.113.{n}") for n in range(4)
    ]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert [each.headers["RateLimit-Remaining"] for each in answers] == ["2", "1", "0", "0"]
    assert {each.headers["RateLimit-Limit"] for each in answers} == {"3"}
    refused = answers[-1]
    assert body_of(refused)["code"] == "RATE_LIMITED"
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"] == "60"
    assert isinstance(limited.clock, StandingClock)
    limited.clock.move(seconds=61)
    assert ask(limited, READ, authorization=credential).status_code == 200


def test_classes_and_principals_are_counted_apart(limited: Runtime) -> None:
    operator, viewer = known_as(limited, "operator"), known_as(limited)
    for n in range(3):
        assert ask(limited, READ, authorization=operator, x_forwarded_for=f"203.0.113.{n}").status_code == 200
    assert ask(limited, READ, authorization=operator, x_forwarded_for="203.0.113.9").status_code == 429
    assert ask(limited, WRITE, BODY, authorization=operator).status_code == 200
    assert ask(limited, READ, authorization=viewer, x_forwarded_for="203.0.113.8").status_code == 200


def test_an_address_is_limited_whoever_calls(limited: Runtime, owner: psycopg.Connection[Any]) -> None:
    credentials = [known_as(limited, role) for role in ("viewer", "operator", "approver", "auditor")]
    hop = "203.0.113.7, 10.0.0.1"
    statuses = [ask(limited, READ, authorization=c, x_forwarded_for=hop).status_code for c in credentials]
    assert statuses == [200, 200, 200, 429]
    # Nobody was asked who it is.
    assert rows_of(owner, "refusal_counts", "address, code, refusals") == [("203.0.113.7", "RATE_LIMITED", 1)]


def test_failed_authentications_shut_an_address_out(limited: Runtime, owner: psycopg.Connection[Any]) -> None:
    """And only that address; an anonymous caller leaves one row a minute, however often it tries."""
    statuses = [
        ask(limited, READ, authorization="Bearer a.b.c", x_forwarded_for="203.0.113.7").status_code
        for _ in range(6)
    ]
    assert statuses == [401, 401, 429, 429, 429, 429]
    assert (
        ask(limited, READ, authorization=known_as(limited), x_forwarded_for="203.0.113.7").status_code == 429
    )
    assert (
        ask(limited, READ, authorization=known_as(limited), x_forwarded_for="203.0.113.8").status_code == 200
    )
    assert rows_of(owner, "refusal_counts", "code, address, refusals") == [
        ("AUTH_TOKEN_INVALID", "203.0.113.7", 2),
        ("RATE_LIMITED", "203.0.113.7", 5),
    ]


def test_a_refusal_of_somebody_known_leaves_an_access_record(
    runtime: Runtime, owner: psycopg.Connection[Any]
) -> None:
    assert ask(runtime, READ, authorization=known_as(runtime, "service")).status_code == 403
    assert ask(runtime, READ, query="idd=1", authorization=known_as(runtime)).status_code == 422
    broken = replace(READ, handle=lambda _runtime, _request: Answer({"odd": object()}))
    assert ask(runtime, broken, authorization=known_as(runtime)).status_code == 500
    assert rows_of(owner, "access_records", "status, code, actor, resource") == [
        (403, "AUTH_FORBIDDEN", "test-service", "http_seen"),
        (422, "REQUEST_INVALID", "test-viewer", "http_seen"),
        (500, "C1-LOG-002", "test-viewer", "http_seen"),
    ]


def test_a_denied_control_action_is_an_entry_of_the_audit(
    runtime: Runtime, owner: psycopg.Connection[Any]
) -> None:
    refused = ask(runtime, WRITE, b"not even json", authorization=known_as(runtime))
    assert refused.status_code == 403
    columns = "action, outcome, actor, target_type, target_id"
    assert rows_of(owner, "audit_entries", columns) == [
        ("operator:reject_ceiling:raise", "DENIED", "test-viewer", "name", None)
    ]
    assert rows_of(owner, "access_records", "status, code") == []


def test_a_403_is_the_same_whatever_is_missing(runtime: Runtime) -> None:
    """A role without the permission, no role at all, and a use case that refuses: nobody can tell them apart."""

    def refuse(_runtime: Runtime, _request: Request) -> Answer:
        raise NotAllowed("this very part")

    administrator = known_as(runtime, "administrator")
    answers = [
        ask(runtime, READ, authorization=known_as(runtime, "service"), x_correlation_id="c"),
        ask(runtime, replace(READ, handle=refuse), authorization=administrator, x_correlation_id="c"),
    ]
    first, second = (json.loads(each.get_body()) for each in answers)
    assert first == second
    assert set(first) == {"type", "title", "status", "code", "detail", "correlation_id"}


def test_operators_are_told_more(runtime: Runtime) -> None:
    wrong = ask(runtime, READ, query="idd=1", authorization=known_as(runtime, "operator"))
    assert {"operator_detail", "action_guide", "runbook"} <= set(body_of(wrong))
    wrong = ask(runtime, READ, query="idd=1", authorization=known_as(runtime))
    assert "runbook" not in body_of(wrong)


def test_without_the_database_the_answer_is_a_503_and_never_a_401(limited: Runtime) -> None:
    credential = known_as(limited)
    nowhere = runtime_for("postgresql+psycopg://counterfoil_app:test@127.0.0.1:1/none")
    keys: Any = nowhere.token_keys
    keys.keys.update(limited.token_keys.keys)  # type: ignore[attr-defined]
    answer = ask(nowhere, READ, authorization=credential)
    assert (answer.status_code, body_of(answer)["code"]) == (503, "C1-SYS-001")
    # What cannot be counted is refused all the same.
    assert ask(nowhere, READ, authorization="Bearer a.b.c").status_code == 401
    nowhere.database.dispose()


def test_a_store_of_limits_that_is_gone_closes_writes_only(database_url: str) -> None:
    runtime = runtime_for(database_url, RATE_LIMIT_REDIS_URL="redis://127.0.0.1:1/0")
    credential = known_as(runtime, "operator")
    assert ask(runtime, READ, authorization=credential).status_code == 200
    refused = ask(runtime, WRITE, BODY, authorization=credential)
    assert (refused.status_code, body_of(refused)["code"]) == (503, "RATE_LIMIT_UNAVAILABLE")
    assert refused.headers["Retry-After"]
    runtime.database.dispose()


def test_a_public_endpoint_is_limited_by_address(database_url: str) -> None:
    runtime = runtime_for(database_url, RATE_LIMIT_PUBLIC="2")
    public = replace(
        READ, permission=ANYONE, rate_class="public", query=None, handle=lambda _runtime, _request: Answer({})
    )
    assert [ask(runtime, public).status_code for _ in range(3)] == [200, 200, 429]
    runtime.database.dispose()


@pytest.mark.parametrize("value", ["\0", "a\x1bb", "\x7f"])
def test_control_characters_in_a_path_are_refused(runtime: Runtime, value: str) -> None:
    request = http_request(
        "GET", "http://127.0.0.1/api/seen", {"authorization": known_as(runtime)}, "", {"name": value}
    )
    assert fields_of(serve(runtime, READ, request)) == ["name"]


SITE = {"site_id": "XX-NEW", "name": "New", "time_zone": "UTC", "reason": "opened"}


def test_what_a_use_case_recorded_is_not_recorded_twice(
    runtime: Runtime, owner: psycopg.Connection[Any]
) -> None:
    assert (
        send(runtime, "http_tx", {"authorization": known_as(runtime)}, path={"tx_id": "none"}).status_code
        == 404
    )
    assert rows_of(owner, "access_records", "status, code, resource") == [(404, "TX_NOT_FOUND", "http_tx")]
    administrator = {"authorization": known_as(runtime, "administrator")}
    assert send(runtime, "http_site_create", administrator, body=SITE).status_code == 201
    assert send(runtime, "http_site_create", administrator, body=SITE).status_code == 409
    assert rows_of(owner, "audit_entries", "position, outcome, actor") == [
        (1, "DONE", "test-administrator"),
        (2, "FAILED", "test-administrator"),
    ]
    assert len(rows_of(owner, "access_records", "status, code")) == 1


def test_a_key_makes_a_repeat_the_same_answer(runtime: Runtime, owner: psycopg.Connection[Any]) -> None:
    headers = {"authorization": known_as(runtime, "administrator"), "idempotency-key": "k-1"}
    first = send(runtime, "http_site_create", headers, body=SITE)
    again = send(runtime, "http_site_create", headers, body=SITE)
    assert (first.status_code, again.status_code) == (201, 201)
    assert body_of(first) == body_of(again)
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    other = send(runtime, "http_site_create", headers, body={**SITE, "name": "Other"})
    assert (other.status_code, body_of(other)["code"]) == (409, "IDEMPOTENCY_CONFLICT")
    assert len(rows_of(owner, "sites WHERE site_id = 'XX-NEW'", "site_id, name")) == 1


def test_a_version_that_is_not_the_rows_is_a_412(runtime: Runtime) -> None:
    headers = {"authorization": known_as(runtime, "administrator")}
    made = send(runtime, "http_site_create", headers, body=SITE)
    change = {"name": "Renamed", "reason": "a better name"}
    path = {"site_id": "XX-NEW"}
    missing = send(runtime, "http_site_change", headers, path=path, body=change)
    assert (missing.status_code, body_of(missing)["code"]) == (428, "PRECONDITION_MISSING")
    seen_first = {**headers, "if-match": made.headers["ETag"]}
    assert send(runtime, "http_site_change", seen_first, path=path, body=change).status_code == 200
    late = send(runtime, "http_site_change", seen_first, path=path, body=change)
    assert (late.status_code, body_of(late)["code"]) == (412, "PRECONDITION_FAILED")
