"""Approvals over HTTP: ask, read, decide, withdraw, carry out."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

import azure.functions as func
import msgspec

from functions.edge.endpoint import Answer, Endpoint, Request, answer_of
from functions.edge.fields import Fields
from functions.edge.http import build_blueprint
from functions.edge.paging import PAGE_PARAMETERS, page_of
from shared.approvals.answer import ApprovalAnswer, ExecutedAnswer
from shared.approvals.approve import approve
from shared.approvals.execute_approval import execute_approval
from shared.approvals.find_approval import find_approval
from shared.approvals.list_approvals import ApprovalsAnswer, list_approvals
from shared.approvals.model import EXPIRES_DEFAULT, ApprovalFilter, ApprovalKind, ApprovalState, Wanted
from shared.approvals.reject import reject
from shared.approvals.request_approval import request_approval
from shared.approvals.withdraw import withdraw
from shared.audit.model import Action
from shared.runtime import Runtime
from shared.security.model import Permission
from shared.spine.model import Context, Done

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Seconds = Annotated[int, msgspec.Meta(ge=60, le=2_592_000)]
_DECIDED = ("APPROVAL_NOT_FOUND", "APPROVAL_STATE", "APPROVAL_EXPIRED", "APPROVAL_NOT_YOURS")
_NOT_RECORDED = ("AUDIT_ENTRY_INVALID", "AUDIT_ENTRY_REFUSED")
_REQUEST_REFUSED = (
    "APPROVAL_NOT_YOURS",
    "CORRECTION_TARGET_NOT_FOUND",
    "CORRECTION_OPEN",
    "ROLE_NOT_FOUND",
    "AUDIT_SEGMENT_INVALID",
)


class ApprovalRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked for; docs/approvals.md says what each kind's payload holds."""

    kind: str
    payload: dict[str, Any]
    reason: Reason
    expires_in_seconds: Seconds = int(EXPIRES_DEFAULT.total_seconds())


class ApprovalConsent(msgspec.Struct, forbid_unknown_fields=True):
    """Yes to the payload of that hash."""

    payload_hash: Hash
    reason: Reason


class ApprovalReason(msgspec.Struct, forbid_unknown_fields=True):
    """Why."""

    reason: Reason


def _list(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    wanted = ApprovalFilter(
        state=fields.choice("state", list(ApprovalState)), kind=fields.choice("kind", list(ApprovalKind))
    )
    limit, cursor = page_of(fields)
    fields.close()
    return Answer(list_approvals(runtime, request.context, wanted, limit=limit, cursor=cursor))


def _get(runtime: Runtime, request: Request) -> Answer:
    return Answer(find_approval(runtime, request.context, request.path["approval_id"]))


def _request(runtime: Runtime, request: Request) -> Answer:
    body = request.read(ApprovalRequest)
    wanted = Wanted(kind=body.kind, payload=body.payload, lasts=timedelta(seconds=body.expires_in_seconds))
    return answer_of(request_approval(runtime, request.context, wanted, body.reason))


def _approve(runtime: Runtime, request: Request) -> Answer:
    body, approval_id = request.read(ApprovalConsent), request.path["approval_id"]
    return answer_of(approve(runtime, request.context, approval_id, body.payload_hash, body.reason))


Move = Callable[[Runtime, Context, str, str], Done]


def _moved(move: Move) -> Callable[[Runtime, Request], Answer]:
    def handle(runtime: Runtime, request: Request) -> Answer:
        reason = request.read(ApprovalReason).reason
        return answer_of(move(runtime, request.context, request.path["approval_id"], reason))

    return handle


ENDPOINTS = (
    Endpoint(
        name="http_approvals",
        route="approvals",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=("state", "kind", *PAGE_PARAMETERS),
        answers=frozenset({200}),
        handle=_list,
        summary="A page of the approvals of the caller's sites, newest first.",
        response=ApprovalsAnswer,
    ),
    Endpoint(
        name="http_approval",
        route="approvals/{approval_id}",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=(),
        answers=frozenset({200}),
        handle=_get,
        summary="One approval with its exact payload.",
        response=ApprovalAnswer,
        errors=("APPROVAL_NOT_FOUND",),
    ),
    Endpoint(
        name="http_approval_request",
        route="approvals",
        methods=("POST",),
        permission=Permission.APPROVAL_REQUEST,
        rate_class="write",
        query=(),
        answers=frozenset({201}),
        handle=_request,
        summary="Ask for something that a second person has to approve.",
        request=ApprovalRequest,
        response=ApprovalAnswer,
        errors=(*_REQUEST_REFUSED, *_NOT_RECORDED),
        audit=Action.APPROVAL_REQUEST,
        target="approval",
        idempotency="required",
    ),
    Endpoint(
        name="http_approval_approve",
        route="approvals/{approval_id}/approve",
        methods=("POST",),
        permission=Permission.APPROVAL_DECIDE,
        rate_class="write",
        query=(),
        answers=frozenset({200}),
        handle=_approve,
        summary="Approve a request of somebody else, by the hash of its payload.",
        request=ApprovalConsent,
        response=ApprovalAnswer,
        errors=(*_DECIDED, "APPROVAL_PAYLOAD_CHANGED", *_NOT_RECORDED),
        audit=Action.APPROVAL_APPROVE,
        target="approval",
        idempotency="required",
    ),
    Endpoint(
        name="http_approval_reject",
        route="approvals/{approval_id}/reject",
        methods=("POST",),
        permission=Permission.APPROVAL_DECIDE,
        rate_class="write",
        query=(),
        answers=frozenset({200}),
        handle=_moved(reject),
        summary="Reject a request of somebody else.",
        request=ApprovalReason,
        response=ApprovalAnswer,
        errors=(*_DECIDED, "APPROVAL_PAYLOAD_CHANGED", *_NOT_RECORDED),
        audit=Action.APPROVAL_REJECT,
        target="approval",
        idempotency="required",
    ),
    Endpoint(
        name="http_approval_withdraw",
        route="approvals/{approval_id}/withdraw",
        methods=("POST",),
        permission=Permission.APPROVAL_REQUEST,
        rate_class="write",
        query=(),
        answers=frozenset({200}),
        handle=_moved(withdraw),
        summary="Withdraw a request of one's own.",
        request=ApprovalReason,
        response=ApprovalAnswer,
        errors=(*_DECIDED, "APPROVAL_PAYLOAD_CHANGED", *_NOT_RECORDED),
        audit=Action.APPROVAL_WITHDRAW,
        target="approval",
        idempotency="required",
    ),
    Endpoint(
        name="http_approval_execute",
        route="approvals/{approval_id}/execute",
        methods=("POST",),
        permission=Permission.APPROVAL_REQUEST,
        rate_class="write",
        query=(),
        answers=frozenset({200}),
        handle=_moved(execute_approval),
        summary="Carry out what was approved, once.",
        request=ApprovalReason,
        response=ExecutedAnswer,
        errors=(
            *_DECIDED,
            "APPROVAL_PAYLOAD_CHANGED",
            "APPROVAL_OUTDATED",
            "CORRECTION_TARGET_NOT_FOUND",
            "ROLE_NOT_FOUND",
            "AUDIT_SEGMENT_INVALID",
            *_NOT_RECORDED,
        ),
        audit=Action.APPROVAL_EXECUTE,
        target="approval",
        idempotency="required",
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the approvals."""
    return build_blueprint(runtime, ENDPOINTS)
