"""The steps around every endpoint: access first, then parameters, then the use case; a problem for every failure."""

import json
import logging
from dataclasses import replace
from typing import Any

import azure.functions as func
import msgspec
import pytest

from functions.edge.endpoint import ANYONE, Answer, Endpoint, Request
from functions.edge.http import serve
from shared.errors.base import DatabaseUnavailable
from shared.lookup.errors import TransactionNotFound
from shared.runtime import Runtime
from shared.security.model import Permission
from tests.support.requests import http_request, known_as
from tests.support.runtime import BASE_SETTINGS, KeptTelemetry, runtime_for

SAFETY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
HSTS = "Strict-Transport-Security"
PRODUCTION = {
    "APP_ENV": "prod",
    "AUTH_MODE": "oidc",
    "OIDC_ISSUER": "https://issuer.example",
    "KEY_VAULT_URL": "https://vault.example",
    "BLOB_ACCOUNT_URL": "https://blobs.example",
}


def raises(error: Exception) -> Any:
    def handle(_runtime: Runtime, _request: Request) -> Answer:
        raise error

    return handle


def echo(_runtime: Runtime, request: Request) -> Answer:
    actor = request.known.caller.actor if request.known else None
    return Answer(
        {"path": dict(request.path), "query": request.query, "actor": actor, "id": request.correlation_id}
    )


ECHO = Endpoint(
    name="http_echo", route="echo/{name?}", methods=("GET",), permission=Permission.LOOKUP_READ, rate_class="read",
    query=("id",), answers=frozenset({200}), handle=echo,
)  # fmt: skip


class Echoed(msgspec.Struct):
    """A body."""

    name: str


def ask(runtime: Runtime, endpoint: Endpoint, query: str = "", **headers: str) -> func.HttpResponse:
    url = "http://127.0.0.1/api/echo"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return serve(runtime, endpoint, http_request("GET", url, named, query, {"name": "n"}))


def as_viewer(runtime: Runtime, endpoint: Endpoint, query: str = "", **headers: str) -> func.HttpResponse:
    return ask(runtime, endpoint, query, authorization=known_as(runtime), **headers)


def problem(response: func.HttpResponse) -> dict[str, Any]:
    assert response.mimetype == "application/problem+json"
    body: dict[str, Any] = json.loads(response.get_body())
    assert body["status"] == response.status_code
    return body


def kept(runtime: Runtime) -> KeptTelemetry:
    assert isinstance(runtime.telemetry, KeptTelemetry)
    return runtime.telemetry


def test_a_handler_sees_path_query_principal_and_correlation(runtime: Runtime) -> None:
    response = as_viewer(runtime, ECHO, "id=5", x_correlation_id="c-9")
    assert response.status_code == 200
    assert response.mimetype == "application/json"
    shown = {"path": {"name": "n"}, "query": {"id": "5"}, "actor": "test-viewer", "id": "c-9"}
    assert json.loads(response.get_body()) == shown
    assert response.headers["X-Correlation-ID"] == "c-9"


@pytest.mark.parametrize("endpoint", [ECHO, replace(ECHO, handle=raises(TransactionNotFound("t")))])
def test_every_answer_carries_the_safety_headers(runtime: Runtime, endpoint: Endpoint) -> None:
    headers = as_viewer(runtime, endpoint).headers
    assert {name: headers[name] for name in SAFETY} == SAFETY
    assert HSTS not in headers


def test_outside_the_local_stack_transport_security_is_strict() -> None:
    runtime = runtime_for(BASE_SETTINGS["DATABASE_URL"], **PRODUCTION)
    for response in (ask(runtime, ECHO), ask(runtime, replace(ECHO, permission=ANYONE))):
        assert response.headers[HSTS].startswith("max-age=31536000")
        assert {name: response.headers[name] for name in SAFETY} == SAFETY
    runtime.database.dispose()


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "AUTH_TOKEN_MISSING"),
        ("Basic YTpi", "AUTH_TOKEN_MISSING"),
        ("Bearer", "AUTH_TOKEN_MISSING"),
        ("Bearer not.a.token", "AUTH_TOKEN_INVALID"),
    ],
)
def test_without_a_token_nothing_is_read(runtime: Runtime, authorization: str, code: str) -> None:
    response = ask(runtime, ECHO, "unknown=1&unknown=2", authorization=authorization)
    assert (response.status_code, problem(response)["code"]) == (401, code)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert ("auth_failures", 1, {"code": code}) in kept(runtime).metrics


def test_without_the_permission_nothing_is_read(runtime: Runtime) -> None:
    response = ask(runtime, ECHO, "unknown=1", authorization=known_as(runtime, "service"))
    assert (response.status_code, problem(response)["code"]) == (403, "AUTH_FORBIDDEN")
    assert ("auth_failures", 1, {"code": "AUTH_FORBIDDEN"}) in kept(runtime).metrics


def test_parameters_are_checked_before_the_use_case_runs(runtime: Runtime) -> None:
    endpoint = replace(ECHO, handle=raises(AssertionError("the use case ran")))
    response = as_viewer(runtime, endpoint, "idd=1")
    assert response.status_code == 422
    assert [each["field"] for each in problem(response)["errors"]] == ["idd"]


def test_an_endpoint_for_anyone_asks_for_nothing(runtime: Runtime) -> None:
    endpoint = replace(ECHO, permission=ANYONE, query=None)
    response = ask(runtime, endpoint, "whatever=1&whatever=%ff", authorization="Bearer nonsense")
    assert response.status_code == 200
    assert json.loads(response.get_body())["actor"] is None


def test_an_outage_is_a_503_that_says_when_to_come_again(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = replace(ECHO, handle=raises(DatabaseUnavailable("host 10.0.0.4 is gone")))
    response = as_viewer(runtime, endpoint, x_correlation_id="c-7")
    assert (response.status_code, problem(response)["code"]) == (503, "C1-SYS-001")
    assert response.headers["Retry-After"] == "5"
    assert b"10.0.0.4" not in response.get_body()
    assert any("c-7" in each.getMessage() and "10.0.0.4" in each.getMessage() for each in caplog.records)


def test_a_defect_is_a_500_with_its_trace_in_the_log_only(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = replace(ECHO, handle=raises(ZeroDivisionError("secret inside")))
    response = as_viewer(runtime, endpoint, x_correlation_id="c-8")
    body = problem(response)
    assert (response.status_code, body["code"], body["correlation_id"]) == (500, "C1-LOG-002", "c-8")
    assert b"secret" not in response.get_body()
    assert b"ZeroDivision" not in response.get_body()
    traced = [each for each in caplog.records if each.exc_info and "c-8" in each.getMessage()]
    assert len(traced) == 1
    assert traced[0].levelno == logging.ERROR


def test_an_answer_that_cannot_be_encoded_is_a_defect(runtime: Runtime) -> None:
    endpoint = replace(ECHO, handle=lambda _runtime, _request: Answer({"odd": object()}))
    assert as_viewer(runtime, endpoint).status_code == 500


@pytest.mark.parametrize(
    ("endpoint", "status"),
    [
        (ECHO, 200),
        (replace(ECHO, handle=raises(TransactionNotFound("t"))), 404),
        (replace(ECHO, handle=raises(OSError())), 500),
    ],
)
def test_every_answer_is_measured_by_route_template_and_told_once(
    runtime: Runtime, endpoint: Endpoint, status: int
) -> None:
    as_viewer(runtime, endpoint, "id=private-value", x_correlation_id="c-1")
    measured = [each for each in kept(runtime).metrics if each[0] == "request_seconds"]
    assert [labels for _, _, labels in measured] == [{"route": "echo/{name?}", "status": str(status)}]
    assert 0 <= measured[0][1] < 30
    told = ("request", {"function": "http_echo", "status": status, "correlation_id": "c-1"})
    assert kept(runtime).events == [told]
    assert "private-value" not in repr(kept(runtime))


def test_the_declared_statuses_are_those_of_the_edge_and_the_endpoint() -> None:
    always = {413, 429, 431, 500, 503}
    assert ECHO.statuses == {200, 401, 403, 422} | always
    assert replace(ECHO, permission=ANYONE, query=None).statuses == {200} | always
    assert replace(ECHO, permission=ANYONE, errors=("TX_NOT_FOUND",)).statuses == {200, 404, 422} | always
    write = replace(ECHO, query=None, request=Echoed, idempotency="required", if_match="required")
    assert write.statuses == {200, 401, 403, 409, 412, 415, 422, 428} | always


def test_an_endpoint_without_a_permission_or_a_rate_class_does_not_exist() -> None:
    fields = {name: getattr(ECHO, name) for name in ECHO.__dataclass_fields__}
    for name in ("permission", "rate_class", "answers"):
        less = {key: value for key, value in fields.items() if key != name}
        with pytest.raises(TypeError):
            Endpoint(**less)
