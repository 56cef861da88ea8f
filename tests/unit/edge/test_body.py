"""Bodies: JSON in UTF-8 or a refusal that names every field; never anything else."""

import gzip
from datetime import datetime
from typing import Annotated

import azure.functions as func
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.edge.body import FIELD_PROBLEMS_MAX, read_body, request_hash
from functions.edge.endpoint import Answer, Endpoint
from functions.edge.sizes import HEADERS_MAX, check_sizes
from shared.errors.request import BodyTooLarge, HeadersTooLarge, MediaTypeUnsupported, RequestInvalid
from shared.security.model import Permission

JSON = {"content-type": "application/json"}


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    """A part."""

    amount: Annotated[int, msgspec.Meta(ge=1)]


class Model(msgspec.Struct, forbid_unknown_fields=True):
    """A body."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5)]
    reason: str
    at: datetime | None = None
    parts: list[Inner] = []


def request(body: bytes, headers: dict[str, str] | None = None, **path: str) -> func.HttpRequest:
    given = JSON if headers is None else headers
    return func.HttpRequest("POST", "http://127.0.0.1/api/x", headers=given, route_params=path, body=body)


def problems(body: bytes) -> list[str]:
    with pytest.raises(RequestInvalid) as caught:
        read_body(request(body), Model)
    return [each.field for each in caught.value.fields]


def test_a_body_becomes_the_model() -> None:
    read = read_body(request(b'{"name":"a","reason":"b","parts":[{"amount":2}]}'), Model)
    assert read == Model("a", "b", None, [Inner(2)])
    assert read_body(request(b"whatever"), None) is None


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"{}", ["name", "reason"]),
        (b'{"name":1,"reason":2}', ["name", "reason"]),
        (b'{"name":"","reasn":"x"}', ["name", "reasn", "reason"]),
        (b'{"name":"abcdef","reason":"x","at":"yesterday"}', ["at", "name"]),
        (b'{"name":"a","reason":"x","parts":[{"amount":1},{"amount":0}]}', ["parts[1].amount"]),
        (b'{"name":"a","reason":"x","parts":[{"amout":1}]}', ["parts[0]"]),
        (b'{"name":"a","reason":"x","parts":[{"amount":1,"more":1}]}', ["parts[0]"]),
        (b"[]", ["body"]),
        (b"null", ["body"]),
        (b'"text"', ["body"]),
        (b"", ["body"]),
        (b"{", ["body"]),
        (b'{"name":"a"} x', ["body"]),
        (b'{"name":"\xff","reason":"x"}', ["body"]),
        (b'{"name":"\\ud800","reason":"x"}', ["body"]),
        (b'{"name":NaN,"reason":"x"}', ["body"]),
        (b"\xef\xbb\xbf{}", ["body"]),
        (b'{"name":"a\\u0000","reason":"x"}', ["name"]),
        (b'{"name":"a","reason":"x","parts":[{"x\\u0000":"\\u0000"}]}', ["parts[0].x", "parts[0].x"]),
        (b'{"a":' * 5000, ["body"]),
        (b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ["body"]),
        (gzip.compress(b'{"name":"a","reason":"b"}'), ["body"]),
    ],
    ids=range(22),
)
def test_what_is_wrong_is_named_all_at_once(body: bytes, fields: list[str]) -> None:
    assert problems(body) == fields


def test_problems_without_number_are_told_up_to_a_bound() -> None:
    body = b"{" + b",".join(b'"x%d":1' % n for n in range(1000)) + b"}"
    assert len(problems(body)) == FIELD_PROBLEMS_MAX


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": ""},
        {"content-type": "text/plain"},
        {"content-type": "application/jsonx"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": 'application/json; charset="latin-1"'},
        {**JSON, "content-encoding": "gzip"},
        {**JSON, "content-encoding": "br, gzip"},
    ],
)
def test_only_plain_json_is_taken(headers: dict[str, str]) -> None:
    with pytest.raises(MediaTypeUnsupported):
        read_body(request(b'{"name":"a","reason":"b"}', headers), Model)


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "Application/JSON"},
        {"content-type": 'application/json ; charset="UTF-8"'},
        {**JSON, "content-encoding": "identity"},
    ],
)
def test_json_is_taken_however_it_is_written(headers: dict[str, str]) -> None:
    assert read_body(request(b'{"name":"a","reason":"b"}', headers), Model) == Model("a", "b")


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_bytes_are_anything_but_a_model_or_a_refusal(body: bytes) -> None:
    try:
        read = read_body(request(body), Model)
    except RequestInvalid as error:
        read = error
    assert isinstance(read, Model) or (isinstance(read, RequestInvalid) and read.fields)


def test_bodies_and_headers_have_a_size() -> None:
    check_sizes(request(b"x" * 100), 100)
    with pytest.raises(BodyTooLarge):
        check_sizes(request(b"x" * 101), 100)
    for headers in ({"a": "x" * 20_000}, {f"h{n}": "x" for n in range(HEADERS_MAX + 1)}, {
        f"h{n}": "x" * 15_000 for n in range(3)
    }):  # fmt: skip
        with pytest.raises(HeadersTooLarge):
            check_sizes(request(b"", headers), 100)
    long = func.HttpRequest("GET", "http://127.0.0.1/api/x?" + "a" * 9000, headers={}, body=b"")
    with pytest.raises(HeadersTooLarge):
        check_sizes(long, 100)


def test_a_request_hash_stands_for_method_route_and_body() -> None:
    endpoint = Endpoint(
        name="http_x", route="x/{a}", methods=("POST",), permission=Permission.SITE_MANAGE, rate_class="write",
        query=None, answers=frozenset({200}), handle=lambda _runtime, _request: Answer({}),
    )  # fmt: skip
    same = request_hash(endpoint, request(b"{}", a="1"))
    assert len(same) == 32
    assert request_hash(endpoint, request(b"{}", {"x": "y"}, a="1")) == same
    others = [request(b"{ }", a="1"), request(b"{}", a="2"), request(b"{}", b="1")]
    put = func.HttpRequest("PUT", "http://127.0.0.1/api/x", headers=JSON, route_params={"a": "1"}, body=b"{}")
    found = {request_hash(endpoint, each) for each in (*others, put)}
    assert len(found) == 4
    assert same not in found
