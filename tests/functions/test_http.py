"""HTTP through the worker runtime: every kind of answer, whole."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.functions.app_process import Done
from tests.functions.conftest import Installation
from tests.functions.platform import Delivered, get
from tests.functions.test_streams import payment

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
FOR_OPERATORS = {"operator_detail", "action_guide", "runbook"}
FIELDS = {"type", "title", "status", "code", "detail", "correlation_id"}


def ask(installed: Installation, path: str, route: Mapping[str, str], **headers: str) -> Done:
    """Look a transaction up with these headers and no others."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return installed.app.invoke(get("http_tx", path, route, named))


def problem(done: Done, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer, with everything every problem has."""
    assert done.status == status, done
    document: dict[str, Any] = json.loads(done.body)
    assert set(document) - {"errors"} in (FIELDS, FIELDS | FOR_OPERATORS)
    assert document["type"] == f"urn:counterfoil:problem:{code}"
    assert (document["status"], document["code"]) == (status, code)
    assert document["title"].strip()
    assert document["detail"].strip()
    assert document["correlation_id"] == done.headers["X-Correlation-ID"] != ""
    assert done.headers["content-type"] == "application/problem+json"
    assert {name: done.headers[name] for name in SAFETY} == SAFETY
    return document


def test_a_200_is_json_with_every_header(installed: Installation, partition: str) -> None:
    sides = [Delivered(each, number) for number, each in enumerate(payment("o-http"))]
    assert installed.deliver("stream_ledger", *sides, partition=partition).succeeded
    credential = f"Bearer {installed.issuer.mint('auditor')}"
    done = ask(
        installed,
        "tx/o-http-p",
        {"tx_id": "o-http-p"},
        authorization=credential,
        x_correlation_id="c-http",
        traceparent=TRACEPARENT,
    )
    assert (done.status, json.loads(done.body)["tx_id"]) == (200, "o-http-p")
    assert done.headers["content-type"] == "application/json"
    assert {name: done.headers[name] for name in SAFETY} == SAFETY
    assert (done.headers["X-Correlation-ID"], done.headers["traceparent"]) == ("c-http", TRACEPARENT)


def test_a_correlation_id_is_made_when_none_is_given(installed: Installation) -> None:
    first, second = (ask(installed, "tx/a", {"tx_id": "a"}).headers["X-Correlation-ID"] for _ in range(2))
    assert first != second
    assert len(first) == len(second) == 32


@pytest.mark.parametrize(
    ("authorization", "code"), [("", "AUTH_TOKEN_MISSING"), ("Bearer a.b.c", "AUTH_TOKEN_INVALID")]
)
def test_a_401_says_how_to_authenticate(installed: Installation, authorization: str, code: str) -> None:
    done = ask(installed, "tx/a", {"tx_id": "a"}, authorization=authorization)
    problem(done, 401, code)
    assert done.headers["WWW-Authenticate"].startswith('Bearer realm="counterfoil"')
    assert ("invalid_token" in done.headers["WWW-Authenticate"]) == (code == "AUTH_TOKEN_INVALID")


@pytest.mark.parametrize("choice", [{"audience": "api://other"}, {"ttl_seconds": 1}])
def test_a_token_that_is_not_for_us_or_has_ended_is_a_401(
    installed: Installation, choice: dict[str, Any]
) -> None:
    lived = (
        {"ttl_seconds": 1, "extra": {"iat": 1_700_000_000, "exp": 1_700_000_001}}
        if "ttl_seconds" in choice
        else choice
    )
    credential = f"Bearer {installed.issuer.mint('viewer', **lived)}"
    problem(ask(installed, "tx/a", {"tx_id": "a"}, authorization=credential), 401, "AUTH_TOKEN_INVALID")


@pytest.mark.parametrize("role", ["service", "nobody"])
def test_a_403_says_nothing_of_what_there_is(installed: Installation, role: str) -> None:
    done = installed.get("http_tx", "tx/a", role=role, tx_id="a")
    problem(done, 403, "AUTH_FORBIDDEN")
    assert b"lookup" not in done.body
    assert "WWW-Authenticate" not in done.headers


@pytest.mark.parametrize(
    ("function", "path", "route", "code"),
    [
        ("http_tx", "tx/nobody", {"tx_id": "nobody"}, "TX_NOT_FOUND"),
        ("http_payment_order", "payment-orders/nobody", {"order_id": "nobody"}, "ORDER_NOT_FOUND"),
    ],
)
def test_a_404_names_what_was_not_found(
    installed: Installation, function: str, path: str, route: dict[str, str], code: str
) -> None:
    document = problem(installed.get(function, path, **route), 404, code)
    assert "errors" not in document


@pytest.mark.parametrize(
    ("path", "route", "fields"),
    [
        ("tx", {}, ["id"]),
        ("tx?id=", {}, ["id"]),
        ("tx?id=a&id=b", {}, ["id"]),
        ("tx?ids=a", {}, ["ids"]),
        ("tx?id=%ff", {}, ["query"]),
        ("tx/a%2Fb", {"tx_id": "a/b"}, ["tx_id"]),
        ("tx/a%2Fb", {"tx_id": "a%2Fb"}, ["tx_id"]),
    ],
)
def test_a_422_names_every_field(
    installed: Installation, path: str, route: dict[str, str], fields: list[str]
) -> None:
    document = problem(installed.get("http_tx", path, **route), 422, "REQUEST_INVALID")
    assert [each["field"] for each in document["errors"]] == fields
    assert all(set(each) == {"field", "message"} and each["message"] for each in document["errors"])


def test_a_cursor_of_ours_leads_on_and_any_other_is_a_422(installed: Installation, partition: str) -> None:
    sides = [Delivered(each, number) for number, each in enumerate(payment("o-pages"))]
    assert installed.deliver("stream_ledger", *sides, partition=partition).succeeded
    path, route = "payment-orders/o-pages", {"order_id": "o-pages"}
    first = json.loads(installed.get("http_payment_order", f"{path}?limit=1", **route).body)["entries"]
    second = json.loads(
        installed.get("http_payment_order", f"{path}?limit=1&cursor={first['next']}", **route).body
    )["entries"]
    assert [each["tx_id"] for page in (first, second) for each in page["items"]] == ["o-pages-p", "o-pages-r"]
    assert second["next"] is None
    for wrong in ("abc", first["next"][:-2], first["next"] + "A", "%00"):
        done = installed.get("http_payment_order", f"{path}?cursor={wrong}", **route)
        assert done.status == 422
        assert [each["field"] for each in json.loads(done.body)["errors"]] == ["cursor"]


def test_a_503_says_when_to_come_again(own_installation: Installation) -> None:
    """The issuer gives no keys, and this app has none yet."""
    own_installation.issuer.set_faults(jwks_status=503)
    try:
        done = own_installation.get("http_tx", "tx/a", tx_id="a")
    finally:
        own_installation.issuer.set_faults(jwks_status=200)
    problem(done, 503, "AUTH_ISSUER_UNAVAILABLE")
    assert done.headers["Retry-After"] == "5"


@pytest.mark.parametrize("function", ["http_health_live", "http_health_ready"])
@pytest.mark.parametrize("query", ["", "?x=1&x=2", "?%ff", "?" + "a=1&" * 200])
def test_health_is_for_anyone_and_says_only_ok(installed: Installation, function: str, query: str) -> None:
    path = f"health/{function.removeprefix('http_health_')}{query}"
    done = installed.app.invoke(get(function, path, {}, {"Authorization": "Bearer nonsense"}))
    assert (done.status, done.body) == (200, b'{"status":"ok"}')
    assert {name: done.headers[name] for name in SAFETY} == SAFETY


def test_requests_are_told_by_template_and_never_by_id(installed: Installation) -> None:
    installed.get("http_tx", "tx/private-1", tx_id="private-1")
    told = installed.telemetry.read_text("utf-8")
    assert '"route": "tx/{tx_id?}"' in told
    assert "private-1" not in told + installed.app.log_text
