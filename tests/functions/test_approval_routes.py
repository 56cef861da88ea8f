"""Approvals and corrections over HTTP: asked for, decided and carried out by their callers."""

from typing import Any

import azure.functions as func
import pytest

from shared.runtime import Runtime
from tests.support.approvals import arrive
from tests.support.requests import body_of, fields_of, known_as, send

ASKED = {
    "target_type": "LEDGER_ENTRY",
    "target_id": "t-1",
    "kind": "ADJUST",
    "data": {"amount_delta": "-2.5"},
    "evidence": "ticket 4711",
    "reason": "fee booked twice",
}
WHY = {"reason": "checked with the bank"}
KEYS = iter(range(10_000))


@pytest.fixture(autouse=True)
def _rows(runtime: Runtime) -> None:
    arrive(runtime)


def tell(
    runtime: Runtime,
    name: str,
    role: str,
    body: object = None,
    *,
    key: str = "",
    sites: tuple[str, ...] = (),
    **path: str,
) -> func.HttpResponse:
    """Call a writing endpoint as that role, with a key of its own unless one is named."""
    headers = {
        "Authorization": known_as(runtime, role, *sites),
        "Idempotency-Key": key or f"key-{next(KEYS)}",
    }
    return send(runtime, name, headers, path=path, body=body)


def read(
    runtime: Runtime, name: str, query: str = "", *, sites: tuple[str, ...] = (), **path: str
) -> func.HttpResponse:
    return send(runtime, name, {"Authorization": known_as(runtime, "viewer", *sites)}, query, path)


def asked(runtime: Runtime, **changes: object) -> dict[str, Any]:
    response = tell(runtime, "http_correction_request", "operator", {**ASKED, **changes})
    assert response.status_code == 201, response.get_body()
    return dict(body_of(response))


def test_a_correction_from_request_to_look_up(runtime: Runtime) -> None:
    request = asked(runtime)
    approval_id, named = request["approval_id"], {**WHY, "payload_hash": request["payload_hash"]}
    assert (request["state"], request["kind"], request["site"]) == ("PENDING", "CORRECTION", "KR-SEOUL")
    approved = tell(runtime, "http_approval_approve", "approver", named, approval_id=approval_id)
    assert (approved.status_code, body_of(approved)["state"]) == (200, "APPROVED")
    done = body_of(tell(runtime, "http_approval_execute", "operator", WHY, approval_id=approval_id))
    assert done["state"] == "EXECUTED"
    correction = body_of(read(runtime, "http_correction", correction_id=done["result"]["correction_id"]))
    assert (correction["state"], correction["amount_after"], correction["evidence"]) == (
        "APPLIED", "7.5", "ticket 4711",
    )  # fmt: skip
    found = body_of(read(runtime, "http_tx", tx_id="t-1"))
    assert (found["amount"], found["corrected_amount"]) == ("10", "7.5")
    assert [each["correction_id"] for each in found["corrections"]] == [correction["correction_id"]]


def test_lists_and_details_show_what_is_asked_for(runtime: Runtime) -> None:
    request = asked(runtime)
    listed = body_of(read(runtime, "http_approvals", "state=PENDING&kind=CORRECTION"))
    assert [each["approval_id"] for each in listed["items"]] == [request["approval_id"]]
    assert (
        listed["items"][0]
        == body_of(read(runtime, "http_approval", approval_id=request["approval_id"]))
        == request
    )
    assert body_of(read(runtime, "http_approvals", "state=EXECUTED"))["items"] == []
    (correction,) = body_of(read(runtime, "http_corrections", "target_id=t-1"))["items"]
    assert (correction["approval_id"], correction["state"]) == (request["approval_id"], "PENDING")


def test_what_is_of_another_site_is_not_there(runtime: Runtime) -> None:
    request = asked(runtime)
    far = ("JP-TOKYO",)
    answer = read(runtime, "http_approval", sites=far, approval_id=request["approval_id"])
    nowhere = read(runtime, "http_approval", sites=far, approval_id="nowhere")
    assert (answer.status_code, body_of(answer)["code"]) == (404, "APPROVAL_NOT_FOUND")
    assert body_of(answer)["detail"] == body_of(nowhere)["detail"]
    assert body_of(read(runtime, "http_approvals", sites=far))["items"] == []
    assert body_of(read(runtime, "http_corrections", sites=far))["items"] == []


@pytest.mark.parametrize(
    ("role", "code"),
    [("operator", "AUTH_FORBIDDEN"), ("site_manager", "AUTH_FORBIDDEN"), ("viewer", "AUTH_FORBIDDEN")],
)
def test_who_may_not_decide(runtime: Runtime, role: str, code: str) -> None:
    request = asked(runtime)
    body = {**WHY, "payload_hash": request["payload_hash"]}
    response = tell(runtime, "http_approval_approve", role, body, approval_id=request["approval_id"])
    assert (response.status_code, body_of(response)["code"]) == (403, code)


def test_nobody_decides_on_their_own_request(runtime: Runtime) -> None:
    response = tell(runtime, "http_correction_request", "administrator", ASKED)
    request = body_of(response)
    body = {**WHY, "payload_hash": request["payload_hash"]}
    refused = tell(
        runtime, "http_approval_approve", "administrator", body, approval_id=request["approval_id"]
    )
    assert (refused.status_code, body_of(refused)["code"]) == (403, "APPROVAL_NOT_YOURS")


def test_a_repeat_is_the_first_answer_and_another_body_a_conflict(runtime: Runtime) -> None:
    first = tell(runtime, "http_correction_request", "operator", ASKED, key="k-1")
    again = tell(runtime, "http_correction_request", "operator", ASKED, key="k-1")
    other = tell(runtime, "http_correction_request", "operator", {**ASKED, "reason": "other"}, key="k-1")
    assert body_of(first) == body_of(again)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (other.status_code, body_of(other)["code"]) == (409, "IDEMPOTENCY_CONFLICT")


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("http_correction_request", ASKED),
        ("http_approval_request", {"kind": "CORRECTION", "payload": {}, **WHY}),
        ("http_approval_approve", {"payload_hash": "0" * 64, **WHY}),
        ("http_approval_reject", WHY),
        ("http_approval_withdraw", WHY),
        ("http_approval_execute", WHY),
    ],
)
def test_every_step_needs_its_key(runtime: Runtime, name: str, body: object) -> None:
    headers = {"Authorization": known_as(runtime, "administrator")}
    response = send(runtime, name, headers, path={"approval_id": "a"}, body=body)
    assert (response.status_code, body_of(response)["code"]) == (422, "IDEMPOTENCY_KEY_MISSING")


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"target_type": "PAIR"}, ["target_type"]),
        ({"kind": "DELETE"}, ["kind"]),
        ({"evidence": ""}, ["evidence"]),
        ({"more": 1}, ["more"]),
        ({"data": {"amount_delta": "NaN"}}, ["payload.data.amount_delta"]),
        ({"data": {"amount_delta": "-11"}}, ["payload.data.amount_delta"]),
        ({"expires_in_seconds": 1}, ["expires_in_seconds"]),
        ({"expires_in_seconds": 2_592_001}, ["expires_in_seconds"]),
        ({"reason": "  "}, ["reason"]),
    ],
)
def test_a_request_that_cannot_be_taken_names_its_fields(
    runtime: Runtime, change: dict[str, object], fields: list[str]
) -> None:
    response = tell(runtime, "http_correction_request", "operator", {**ASKED, **change})
    assert (response.status_code, fields_of(response)) == (422, fields)


def test_a_kind_that_nothing_carries_out_is_refused(runtime: Runtime) -> None:
    body = {"kind": "UNLOCK", "payload": {}, **WHY}
    response = tell(runtime, "http_approval_request", "operator", body)
    assert (response.status_code, fields_of(response)) == (422, ["kind"])


def test_a_withdrawn_request_is_over(runtime: Runtime) -> None:
    approval_id = asked(runtime)["approval_id"]
    assert (
        tell(runtime, "http_approval_withdraw", "operator", WHY, approval_id=approval_id).status_code == 200
    )
    rejected = tell(runtime, "http_approval_reject", "approver", WHY, approval_id=approval_id)
    assert (rejected.status_code, body_of(rejected)["code"]) == (409, "APPROVAL_STATE")
