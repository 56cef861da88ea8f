"""The contract of every endpoint: what it declares is complete, and it answers nothing it does not declare."""

import json
from collections.abc import Iterator
from typing import Any, get_args
from urllib.parse import quote

import azure.functions as func
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import declared_endpoints
from functions.edge.endpoint import ANYONE, Endpoint, RateClass
from functions.edge.http import serve
from shared.errors.catalog import entry_of
from shared.runtime import Runtime
from shared.security.model import Permission
from tests.support.ledger_rows import write_payment
from tests.support.requests import hold_key, known_as
from tests.support.runtime import BASE_SETTINGS, runtime_for
from tests.support.tokens import token

ENDPOINTS = declared_endpoints()
each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)

INJECTIONS = [
    "' OR 1=1 --", "'; DROP TABLE pairs; --", "{{7*7}}", "${jndi:ldap://127.0.0.1/a}", "<script>alert(1)</script>",
    "../../etc/passwd", "%00", "\x00", "\r\nSet-Cookie: a=b", "\ud7ff", "\uffff", "🙂", "x" * 5000, "-1", "1e309",
    "NaN", "null", "true", "2026-01-01T00:00:00Z", "9999-12-31T23:59:59.999999-23:59", "0", "-", ".", "..", "",
]  # fmt: skip
texts = st.one_of(
    st.sampled_from(INJECTIONS),
    st.text(max_size=60),
    st.from_regex(r"[A-Za-z0-9._~:@-]{1,20}", fullmatch=True),
)
raw_queries = st.one_of(
    st.text(st.characters(codec="ascii", exclude_characters=" "), max_size=80),
    st.from_regex(r"(%[0-9a-fA-F]{0,2}|[&=;+a-z]){0,40}", fullmatch=True),
)


# What a parameter usually holds; anything not named here is an id.
SENSIBLE = {
    "limit": ["1", "2", "200"],
    "from": ["2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z"],
    "to": ["2026-12-31T00:00:00+09:00", "9999-12-31T23:59:59Z"],
    "status_group": ["SUCCESS", "UNKNOWN"],
    "entry_type": ["payment", "한국", "x' OR 1=1"],
}
IDS = ["o-1", "o-1-p", "w-1", "nobody", "-"]


@st.composite
def tame_queries(draw: st.DrawFn, endpoint: Endpoint, path: dict[str, str]) -> str:
    """Parameters the endpoint knows, each once, well written, with odd ids: requests that reach the use case."""
    names = [name for name in endpoint.query or () if name not in ("id", "cursor")]
    pairs = {
        name: draw(st.sampled_from(SENSIBLE.get(name, IDS))) for name in names if draw(st.integers(0, 3)) == 0
    }
    if "id" in (endpoint.query or ()) and (not path or path == {"wallet_id": "-"}):
        pairs["id"] = draw(st.one_of(st.sampled_from(IDS), texts))
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in pairs.items())


@st.composite
def wild_queries(draw: st.DrawFn, endpoint: Endpoint) -> str:
    """Parameters the endpoint knows and some it does not, well and badly written."""
    known = st.sampled_from(endpoint.query or ("id",))
    pairs = draw(st.lists(st.tuples(st.one_of(known, known, texts), texts), max_size=5))
    written = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    return draw(st.one_of(st.just(written), raw_queries, st.just(f"{written}&{written}")))


# What a field of a body usually holds, or should not.
values = st.one_of(
    texts,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.lists(texts, max_size=3),
    st.dictionaries(texts, texts, max_size=2),
    st.sampled_from(["KR-SEOUL", "viewer", "o-1", "2026-11-24T00:00:00Z", "because"]),
)


@st.composite
def bodies(draw: st.DrawFn, endpoint: Endpoint) -> bytes:
    """JSON with the model's fields, with others, and what is no JSON at all."""
    if endpoint.request is None:
        return draw(st.sampled_from([b"", b"{}", b"\xff"]))
    names = [field.encode_name for field in msgspec.structs.fields(endpoint.request)]
    fields = draw(st.fixed_dictionaries({}, optional=dict.fromkeys((*names, "more"), values)))
    written = json.dumps({"reason": "because", **fields}).encode()
    return draw(st.one_of(st.just(written), st.just(written), st.binary(max_size=40)))


@st.composite
def requests(draw: st.DrawFn, endpoint: Endpoint, authorization: str) -> func.HttpRequest:
    tame = draw(st.booleans())
    names = [part.strip("{}?") for part in endpoint.route.split("/") if part.startswith("{")]
    ids = st.sampled_from(IDS) if tame else texts
    path = {name: draw(ids) for name in names if "?" not in endpoint.route or draw(st.booleans())}
    query = draw(tame_queries(endpoint, path) if tame else wild_queries(endpoint))
    headers = {
        "authorization": authorization,
        "content-type": draw(st.sampled_from(["application/json", "application/json", "text/plain"])),
        **{
            name: draw(texts) for name in ("x-correlation-id", "traceparent", "user-agent", "x-forwarded-for")
        },
        **{name: draw(texts) for name in ("idempotency-key", "if-match") if draw(st.booleans())},
    }
    url = f"http://127.0.0.1/api/{'/'.join(quote(each, safe='') for each in path.values())}?{query}"
    return func.HttpRequest(
        draw(st.sampled_from(endpoint.methods)),
        url,
        headers=headers,
        params={},
        route_params=path,
        body=draw(bodies(endpoint)),
    )


@pytest.fixture
def paid(runtime: Runtime) -> Runtime:
    """A runtime whose database holds a payment and which knows the caller's key."""
    with runtime.database.transaction() as connection:
        write_payment(connection)
    return runtime


@pytest.fixture
def nowhere() -> Iterator[Runtime]:
    """A runtime whose database is not there."""
    built = runtime_for(BASE_SETTINGS["DATABASE_URL"])
    hold_key(built)
    yield built
    built.database.dispose()


def checked(endpoint: Endpoint, response: func.HttpResponse) -> int:
    """The status of an answer that keeps what the endpoint declares."""
    status: int = response.status_code
    document: Any = json.loads(response.get_body()) if "json" in response.mimetype else None
    assert status in endpoint.statuses, document
    assert status != 500, document
    if endpoint.permission != ANYONE and status >= 400:
        entry = entry_of(document["code"])
        assert (document["status"], entry.http_status) == (status, status)
        assert response.mimetype == "application/problem+json"
    for value in response.headers.values():
        assert "\r" not in value
        assert "\n" not in value
    return status


def test_there_are_endpoints_and_each_has_a_name_of_its_own() -> None:
    names = [endpoint.name for endpoint in ENDPOINTS]
    assert {"http_tx", "http_payment_order", "http_wallet_tx", "http_health_live"} <= set(names)
    assert len(names) == len(set(names))
    assert len({(each.route, method) for each in ENDPOINTS for method in each.methods}) == len(names)


@each_endpoint
def test_an_endpoint_declares_everything(endpoint: Endpoint) -> None:
    assert endpoint.name.startswith("http_")
    assert isinstance(endpoint.permission, Permission) or endpoint.permission == ANYONE
    assert endpoint.rate_class in get_args(RateClass)
    assert (endpoint.rate_class == "public") == (endpoint.permission == ANYONE)
    assert endpoint.methods
    assert endpoint.answers
    assert any(200 <= status < 300 for status in endpoint.answers)
    assert 500 not in endpoint.answers
    assert all(200 <= status <= 599 for status in endpoint.statuses)


def test_only_health_and_the_description_are_for_anyone() -> None:
    """The whole list of what needs no token; a new name here is a decision."""
    assert {each.name for each in ENDPOINTS if each.permission == ANYONE} == {
        "http_health_live",
        "http_health_ready",
        "http_openapi",
        "http_docs",
        "http_bootstrap",
    }


def statuses_of(
    endpoint: Endpoint, runtime: Runtime, authorization: st.SearchStrategy[str], count: int
) -> set[int]:
    """Everything the endpoint answers to that many requests; each answer is checked."""
    seen: set[int] = set()

    @settings(max_examples=count, deadline=None, derandomize=True, database=None)
    @given(data=st.data())
    def ask(data: st.DataObject) -> None:
        request = data.draw(requests(endpoint, data.draw(authorization)))
        seen.add(checked(endpoint, serve(runtime, endpoint, request)))

    ask()
    return seen


# What needs an outage, another caller or more requests than are sent here.
ELSEWHERE = {401, 403, 413, 429, 431, 500, 503}
LOOKUPS = {"http_tx", "http_payment_order", "http_wallet_tx", "http_sync_status"}


@each_endpoint
def test_hostile_requests_get_only_declared_answers(endpoint: Endpoint, paid: Runtime) -> None:
    """And every status a look-up has without an outage is really seen."""
    credential = known_as(paid, "administrator")
    seen = statuses_of(endpoint, paid, st.just(credential), 150 if endpoint.name in LOOKUPS else 50)
    if endpoint.name in LOOKUPS:
        assert seen - ELSEWHERE == endpoint.statuses - ELSEWHERE
    assert seen


@each_endpoint
def test_hostile_requests_to_an_app_without_a_database_too(endpoint: Endpoint, nowhere: Runtime) -> None:
    """Who calls is not known without it: nothing else can be said, and never that the token is wrong."""
    seen = statuses_of(endpoint, nowhere, st.just(f"Bearer {token()}"), 10)
    assert seen - {431} == {503} or endpoint.permission == ANYONE


@each_endpoint
def test_without_a_valid_token_nobody_gets_further(endpoint: Endpoint, nowhere: Runtime) -> None:
    seen = statuses_of(endpoint, nowhere, texts, 15)
    assert seen - {431} == {401} or endpoint.permission == ANYONE
