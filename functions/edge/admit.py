"""Admission of a request: size, address, authentication, principal, permission, in this order."""

import re
from dataclasses import replace

from functions.edge.body import read_body, request_hash
from functions.edge.conditions import idempotency_key, if_match
from functions.edge.endpoint import ANYONE, Request
from functions.edge.parameters import kept_query
from functions.edge.query import read_query
from functions.edge.sender import user_agent
from functions.edge.sizes import check_sizes
from functions.edge.visit import Visit
from shared.errors.base import CounterfoilError
from shared.errors.catalog import entry_of
from shared.errors.request import FieldProblem, RequestInvalid
from shared.security.authenticate import authenticate
from shared.security.errors import NotAllowed
from shared.security.model import Caller
from shared.spine.model import Context

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def admit(visit: Visit) -> None:
    """Let the caller in, or raise why not. `visit.context` is there as soon as we know who calls."""
    check_sizes(visit.http, visit.runtime.settings.request_body_bytes_max)
    visit.rates.admit_address(visit.sender)
    permission = visit.endpoint.permission
    if permission == ANYONE:
        return
    caller = _authenticated(visit)
    visit.context = Context(
        caller=caller,
        permission=permission,
        resource=visit.endpoint.name,
        request_id=visit.correlation.id,
        client_address=str(visit.address) if visit.address else None,
        user_agent=user_agent(visit.http.headers),
    )
    visit.rates.admit_principal(caller.principal_id)
    if not visit.context.scope:
        raise NotAllowed(permission)


def parse(visit: Visit) -> Request:
    """The request as the handler sees it; what may be kept of it goes to the context. Raises RequestInvalid."""
    http, endpoint = visit.http, visit.endpoint
    _check_path(visit)
    query = {} if endpoint.query is None else read_query(http, endpoint.query)
    if visit.context is not None:
        visit.context = replace(visit.context, query=kept_query(query))
    key = idempotency_key(http.headers, endpoint)
    version = if_match(http.headers, endpoint)
    body = read_body(http, endpoint.request)
    if visit.context is not None and key is not None:
        hashed = request_hash(endpoint, http)
        visit.context = replace(visit.context, idempotency_key=key, request_hash=hashed)
    return Request(http.route_params, query, visit.context, visit.correlation.id, body, version)


def _authenticated(visit: Visit) -> Caller:
    headers = visit.http.headers
    try:
        return authenticate(visit.runtime, headers.get("authorization"), headers)
    except CounterfoilError as error:
        if entry_of(error.code).http_status == 401:
            visit.rates.count_failure(visit.sender)
        raise


def _check_path(visit: Visit) -> None:
    problems = [
        FieldProblem(name, "has control characters; remove them")
        for name, value in visit.http.route_params.items()
        if _CONTROL.search(value)
    ]
    if problems:
        raise RequestInvalid(*problems)
