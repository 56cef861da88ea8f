"""Idempotency-Key and If-Match: read where an endpoint declares them, refused when malformed."""

from dataclasses import replace
from typing import Literal

import pytest

from functions.edge.conditions import etag, idempotency_key, if_match
from functions.edge.endpoint import Answer, Endpoint, Request, answer_of
from shared.errors.request import PreconditionFailed, PreconditionMissing, RequestInvalid
from shared.security.model import Permission
from shared.spine.errors import IdempotencyKeyMissing
from shared.spine.model import Done

ENDPOINT = Endpoint(
    name="http_x", route="x", methods=("POST",), permission=Permission.SITE_MANAGE, rate_class="write",
    query=None, answers=frozenset({200}), handle=lambda _runtime, _request: Answer({}),
)  # fmt: skip
Need = Literal["none", "optional", "required"]


@pytest.mark.parametrize("given", ["k", "a" * 128, "2026-11-23T12:00:00Z~7.@_"])
@pytest.mark.parametrize("need", ["optional", "required"])
def test_a_key_is_taken_as_it_is(given: str, need: Need) -> None:
    assert idempotency_key({"idempotency-key": given}, replace(ENDPOINT, idempotency=need)) == given


@pytest.mark.parametrize("given", ["", " ", "a b", "a" * 129, "ä", "a\n", "\0", "a/b"])
def test_a_malformed_key_is_refused_where_one_is_read(given: str) -> None:
    headers = {"idempotency-key": given}
    for need in ("optional", "required"):
        with pytest.raises(RequestInvalid):
            idempotency_key(headers, replace(ENDPOINT, idempotency=need))
    assert idempotency_key(headers, ENDPOINT) is None


def test_a_key_that_is_needed_must_come() -> None:
    assert idempotency_key({}, replace(ENDPOINT, idempotency="optional")) is None
    with pytest.raises(IdempotencyKeyMissing):
        idempotency_key({}, replace(ENDPOINT, idempotency="required"))


@pytest.mark.parametrize(
    ("given", "version"), [('"3"', 3), ('W/"3"', 3), (' "12" ', 12), ("*", None), (etag(7), 7)]
)
def test_a_version_is_what_the_etag_said(given: str, version: int | None) -> None:
    assert if_match({"if-match": given}, replace(ENDPOINT, if_match="required")) == version


@pytest.mark.parametrize("given", ["3", '"x"', '"-1"', '"1", "2"', '"' + "9" * 19 + '"', '""', "\0"])
def test_another_if_match_is_refused(given: str) -> None:
    with pytest.raises(RequestInvalid):
        if_match({"if-match": given}, replace(ENDPOINT, if_match="optional"))
    assert if_match({"if-match": given}, ENDPOINT) is None


def test_a_version_that_is_needed_must_come() -> None:
    assert if_match({}, replace(ENDPOINT, if_match="optional")) is None
    with pytest.raises(PreconditionMissing):
        if_match({}, replace(ENDPOINT, if_match="required"))


def test_a_handler_refuses_another_version() -> None:
    request = Request({}, {}, None, "c-1", None, 3)
    request.require_version(3)
    replace(request, if_match=None).require_version(4)
    with pytest.raises(PreconditionFailed):
        request.require_version(4)


def test_a_done_command_is_an_answer() -> None:
    plain = answer_of(Done(201, {"version": 4}))
    assert (plain.status, plain.version, dict(plain.headers)) == (201, 4, {})
    again = answer_of(Done(200, {"secret": None}, replayed=True))
    assert (again.status, again.version, again.headers["Idempotency-Replayed"]) == (200, None, "true")
