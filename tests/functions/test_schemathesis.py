"""Schemathesis reads the API's own description and asks what it promises: as every role, from several seeds.

No answer is a 500, a status that is not described, another media type, or a body that is not as described.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from functions import declared_endpoints
from functions.edge.endpoint import Answer
from shared.runtime import Runtime
from shared.security.model import Role
from tests.functions.wsgi import NO_ROUTE, EdgeApp
from tests.support.ledger_rows import write_payment
from tests.support.requests import known_as

MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
BASE_URL = "http://127.0.0.1/api"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# In words and places where a query, a template or a shell would listen.
INJECTIONS = [
    "' OR 1=1 --",
    "'; DROP TABLE pairs; --",
    "{{7*7}}",
    "${jndi:ldap://127.0.0.1/a}",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "$(id)",
    "\r\nSet-Cookie: a=b",
]


@pytest.fixture
def paid(runtime: Runtime) -> Runtime:
    """A runtime whose database holds a payment."""
    with runtime.database.transaction() as connection:
        write_payment(connection)
    return runtime


def ask_everything(app: EdgeApp, authorization: str | None, number: int, examples: int) -> Counter[int]:
    """Every operation of the description that many times; how often each status was answered, all checked."""
    headers = {"Authorization": authorization} if authorization else {}
    seen: Counter[int] = Counter()
    for result in schemathesis.openapi.from_wsgi("/api/openapi.json", app).get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]
        strategy = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in MODES))

        @seed(number)
        @settings(
            max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
        )
        @given(case=strategy, injected=st.sampled_from([None, *INJECTIONS]))
        def ask(case: Any, injected: str | None) -> None:
            if injected and case.query:
                case.query = dict.fromkeys(case.query, injected)
            response = case.call(base_url=BASE_URL, headers=headers)
            # A path no route takes is answered by the platform.
            if NO_ROUTE.lower() not in {name.lower() for name in response.headers}:
                case.validate_response(response, checks=CHECKS)
                seen[response.status_code] += 1

        ask()
    return seen


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.ADMINISTRATOR])
def test_nothing_is_answered_that_is_not_described(paid: Runtime, role: Role | None) -> None:
    seen = ask_everything(EdgeApp(paid), known_as(paid, role) if role else None, 1, 6)
    assert set(seen) >= ({200, 422, 404} if role else {200, 401})
    assert seen.total() > 3 * len(declared_endpoints())


@pytest.mark.long
@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("role", [None, *Role])
def test_nothing_is_answered_that_is_not_described_at_length(
    paid: Runtime, role: Role | None, number: int
) -> None:
    assert ask_everything(EdgeApp(paid), known_as(paid, role) if role else None, number, 40)


@pytest.mark.parametrize(
    "answer", [Answer({}, 207), Answer({"status": "unheard of"}), Answer(b"", media_type="a/b")]
)
def test_what_is_not_described_is_found(runtime: Runtime, answer: Answer) -> None:
    """Another status, another body, another media type."""
    endpoints = [
        replace(each, handle=lambda _runtime, _request: answer) if each.name == "http_health_live" else each
        for each in declared_endpoints()
    ]
    with pytest.raises((FailureGroup, Failure)):
        ask_everything(EdgeApp(runtime, endpoints), None, 1, 2)
