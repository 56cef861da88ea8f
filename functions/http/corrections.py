"""Corrections over HTTP: ask for one, read them. They are decided and carried out as approvals."""

from datetime import timedelta
from typing import Annotated, Any, Literal

import azure.functions as func
import msgspec

from functions.edge.endpoint import Answer, Endpoint, Request, answer_of
from functions.edge.fields import ID_CHARACTERS_MAX, Fields
from functions.edge.http import build_blueprint
from functions.edge.paging import PAGE_PARAMETERS, page_of
from shared.approvals.answer import ApprovalAnswer
from shared.approvals.model import EXPIRES_DEFAULT, ApprovalKind, Wanted
from shared.approvals.request_approval import request_approval
from shared.audit.model import Action
from shared.corrections.answer import CorrectionAnswer
from shared.corrections.find_correction import find_correction
from shared.corrections.list_corrections import CorrectionsAnswer, list_corrections
from shared.corrections.model import CorrectionFilter, CorrectionState, TargetType
from shared.runtime import Runtime
from shared.security.model import Permission

Words = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
TargetId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Seconds = Annotated[int, msgspec.Meta(ge=60, le=2_592_000)]


class CorrectionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What is wrong and what puts it right: ADJUST has `amount_delta` in `data`, ANNOTATE has `note`."""

    target_type: Literal["LEDGER_ENTRY", "PAYMENT_ORDER"]
    target_id: TargetId
    kind: Literal["ADJUST", "REVERSE", "ANNOTATE"]
    evidence: Words
    reason: Words
    data: dict[str, Any] = msgspec.field(default_factory=dict)
    expires_in_seconds: Seconds = int(EXPIRES_DEFAULT.total_seconds())


def _list(runtime: Runtime, request: Request) -> Answer:
    fields = Fields(request.query)
    wanted = CorrectionFilter(
        state=fields.choice("state", list(CorrectionState)),
        target_type=fields.choice("target_type", list(TargetType)),
        target_id=fields.text("target_id", ID_CHARACTERS_MAX),
    )
    limit, cursor = page_of(fields)
    fields.close()
    return Answer(list_corrections(runtime, request.context, wanted, limit=limit, cursor=cursor))


def _get(runtime: Runtime, request: Request) -> Answer:
    return Answer(find_correction(runtime, request.context, request.path["correction_id"]))


def _request(runtime: Runtime, request: Request) -> Answer:
    body = request.read(CorrectionRequest)
    payload = {
        "target_type": body.target_type,
        "target_id": body.target_id,
        "kind": body.kind,
        "data": body.data,
        "evidence": body.evidence,
    }
    lasts = timedelta(seconds=body.expires_in_seconds)
    wanted = Wanted(kind=ApprovalKind.CORRECTION, payload=payload, lasts=lasts)
    return answer_of(request_approval(runtime, request.context, wanted, body.reason))


ENDPOINTS = (
    Endpoint(
        name="http_corrections",
        route="corrections",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=("state", "target_type", "target_id", *PAGE_PARAMETERS),
        answers=frozenset({200}),
        handle=_list,
        summary="A page of the corrections of the caller's sites, newest first.",
        response=CorrectionsAnswer,
    ),
    Endpoint(
        name="http_correction",
        route="corrections/{correction_id}",
        methods=("GET",),
        permission=Permission.LOOKUP_READ,
        rate_class="read",
        query=(),
        answers=frozenset({200}),
        handle=_get,
        summary="One correction.",
        response=CorrectionAnswer,
        errors=("CORRECTION_NOT_FOUND",),
    ),
    Endpoint(
        name="http_correction_request",
        route="corrections",
        methods=("POST",),
        permission=Permission.CORRECTION_REQUEST,
        rate_class="write",
        query=(),
        answers=frozenset({201}),
        handle=_request,
        summary="Ask for a correction; the answer is the approval a second person decides on.",
        request=CorrectionRequest,
        response=ApprovalAnswer,
        errors=(
            "CORRECTION_TARGET_NOT_FOUND",
            "CORRECTION_OPEN",
            "APPROVAL_NOT_YOURS",
            "AUDIT_ENTRY_INVALID",
            "AUDIT_ENTRY_REFUSED",
        ),
        audit=Action.CORRECTION_REQUEST,
        target="approval",
        idempotency="required",
    ),
)


def blueprint(runtime: Runtime) -> func.Blueprint:
    """The triggers of the corrections."""
    return build_blueprint(runtime, ENDPOINTS)
