"""Every endpoint × every role × none: what the edge does is what the matrix and the declaration say."""

from collections.abc import Mapping
from dataclasses import replace

import azure.functions as func
import pytest

from functions import declared_endpoints
from functions.edge.endpoint import ANYONE, Answer, Endpoint
from functions.edge.http import serve
from shared.runtime import Runtime
from shared.security.matrix import PERMISSIONS
from shared.security.model import Role
from tests.support.requests import hold_key, http_request, known_as
from tests.support.tokens import token

ENDPOINTS = declared_endpoints()
SITES = ("KR-SEOUL",)


def as_asked(runtime: Runtime, endpoint: Endpoint, authorization: str | None) -> func.HttpResponse:
    """The endpoint's access alone: whatever it would read or do, it answers at once."""
    plain = replace(
        endpoint,
        query=None,
        request=None,
        idempotency="none",
        if_match="none",
        media_type="application/json",
        handle=lambda _runtime, _request: Answer({}),
    )
    headers = {"authorization": authorization} if authorization else {}
    return serve(runtime, plain, http_request(endpoint.methods[0], "http://127.0.0.1/api/x", headers))


def test_every_endpoint_and_every_role(runtime: Runtime) -> None:
    """The whole table at once, for principals of all sites; a difference names the endpoint and the role."""
    credentials = {role: known_as(runtime, role) for role in Role}
    wrong = [
        f"{endpoint.name} {role}: {status}"
        for endpoint in ENDPOINTS
        for role, status in statuses_of(runtime, endpoint, credentials).items()
        if status != (200 if allowed(endpoint, role) else 403)
    ]
    assert wrong == []


def test_every_endpoint_and_every_role_on_one_site(runtime: Runtime) -> None:
    """What is for all sites is for nobody who holds some."""
    credentials = {role: known_as(runtime, role, *SITES) for role in Role}
    wrong = [
        f"{endpoint.name} {role}: {status}"
        for endpoint in ENDPOINTS
        for role, status in statuses_of(runtime, endpoint, credentials).items()
        if status != (200 if allowed(endpoint, role, everything=False) else 403)
    ]
    assert wrong == []


def test_nobody_and_who_holds_nothing_is_let_in_nowhere(runtime: Runtime) -> None:
    hold_key(runtime)
    stranger = f"Bearer {token(sub='stranger', roles=['administrator'])}"
    for endpoint in ENDPOINTS:
        public = endpoint.permission == ANYONE
        assert as_asked(runtime, endpoint, None).status_code == (200 if public else 401), endpoint.name
        assert as_asked(runtime, endpoint, stranger).status_code == (200 if public else 403), endpoint.name


def test_a_role_the_token_does_not_name_counts_for_nothing(runtime: Runtime) -> None:
    known_as(runtime, "administrator")
    less = f"Bearer {token(sub='test-administrator', roles=['viewer'])}"
    wrong = [
        endpoint.name
        for endpoint in ENDPOINTS
        if as_asked(runtime, endpoint, less).status_code != 403 and not allowed(endpoint, Role.VIEWER)
    ]
    assert wrong == []


def statuses_of(runtime: Runtime, endpoint: Endpoint, credentials: Mapping[Role, str]) -> dict[Role, int]:
    return {role: as_asked(runtime, endpoint, each).status_code for role, each in credentials.items()}


def allowed(endpoint: Endpoint, role: Role, *, everything: bool = True) -> bool:
    """What the matrix says of an endpoint's permission."""
    if endpoint.permission == ANYONE:
        return True
    return endpoint.permission in PERMISSIONS[role] and (
        everything or endpoint.permission.startswith("site:")
    )


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_a_permission_is_held_by_somebody(endpoint: Endpoint) -> None:
    assert endpoint.permission == ANYONE or any(endpoint.permission in held for held in PERMISSIONS.values())
