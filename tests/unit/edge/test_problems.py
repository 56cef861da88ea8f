"""How every error of the catalog becomes an answer."""

import pytest

from functions.edge.problems import CONTENT_TYPE, problem_headers, problem_of
from shared.errors.base import CounterfoilError
from shared.errors.catalog import CATALOG, CatalogEntry, entry_of
from shared.errors.request import CursorInvalid, FieldProblem, RateLimited, RequestInvalid
from shared.security.model import Permission
from tests.support.callers import caller_with

SECRET = "host=10.0.0.4 password=hunter2"


def error_of(entry: CatalogEntry) -> CounterfoilError:
    """An error of that code, with a detail nobody outside may see."""
    told: type[CounterfoilError] = type("Told", (CounterfoilError,), {"code": entry.code})
    return told(SECRET)


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.code)
def test_a_problem_says_what_the_catalog_says_and_nothing_of_the_detail(entry: CatalogEntry) -> None:
    assert problem_of(error_of(entry), "c-1") == {
        "type": f"urn:counterfoil:problem:{entry.code}",
        "title": entry.title,
        "status": entry.http_status,
        "code": entry.code,
        "detail": entry.user_text,
        "correlation_id": "c-1",
    }
    assert SECRET not in str(problem_of(error_of(entry), "c-1"))


def test_a_refused_request_names_its_fields() -> None:
    fields = (FieldProblem("from", "is wrong"), FieldProblem("to", "is wrong too"))
    assert problem_of(RequestInvalid(*fields), "c-1")["errors"] == fields
    assert problem_of(CursorInvalid(), "c-1")["errors"] == CursorInvalid().fields


@pytest.mark.parametrize(
    ("code", "headers"),
    [
        ("AUTH_TOKEN_MISSING", {"WWW-Authenticate": 'Bearer realm="counterfoil"'}),
        ("AUTH_TOKEN_INVALID", {"WWW-Authenticate": 'Bearer realm="counterfoil", error="invalid_token"'}),
        ("AUTH_FORBIDDEN", {}),
        ("TX_NOT_FOUND", {}),
        ("REQUEST_INVALID", {}),
        ("C1-SYS-001", {"Retry-After": "5"}),
        ("AUTH_ISSUER_UNAVAILABLE", {"Retry-After": "5"}),
        ("C1-LOG-002", {}),
    ],
)
def test_a_status_brings_its_headers(code: str, headers: dict[str, str]) -> None:
    assert problem_headers(error_of(entry_of(code))) == headers


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.code)
def test_what_can_be_tried_again_says_when(entry: CatalogEntry) -> None:
    assert ("Retry-After" in problem_headers(error_of(entry))) == (entry.http_status == 503)
    assert problem_headers(RateLimited("read", 17)) == {"Retry-After": "17"}
    assert CONTENT_TYPE == "application/problem+json"


OPERATORS = {"operator_detail", "action_guide", "runbook"}


@pytest.mark.parametrize("role", ["viewer", "operator", "administrator"])
@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.code)
def test_operators_see_more_and_a_403_says_nothing_to_anyone(entry: CatalogEntry, role: str) -> None:
    caller = caller_with(role)
    shown = problem_of(error_of(entry), "c-1", caller)
    may = bool(caller.scope_of(Permission.OPERATOR_DETAIL_READ))
    assert (set(shown) >= OPERATORS) == (may and entry.http_status != 403)
    assert (SECRET in str(shown)) == (may and entry.http_status not in (403, 404))


def test_a_detail_is_not_for_who_sees_some_sites_only() -> None:
    """It may speak of another site's row."""
    entry = entry_of("REQUEST_INVALID")
    shown = problem_of(error_of(entry), "c-1", caller_with("operator", "KR-SEOUL"))
    assert shown["operator_detail"] == entry.operator_text
