"""What callers see of an approval."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from shared.approvals.model import Approval


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalAnswer:
    """An approval: `payload` is what is carried out, and `payload_hash` what an approver names."""

    approval_id: str
    kind: str
    state: str
    site: str | None
    target_type: str
    target_id: str | None
    payload: Mapping[str, Any]
    payload_hash: str
    base_version: str | None
    reason: str
    requested_by: str
    requested_at: str
    expires_at: str
    decided_by: str | None
    decided_at: str | None
    decision_reason: str | None
    closed_by: str | None
    closed_at: str | None
    close_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutedAnswer(ApprovalAnswer):
    """An approval that was carried out; `result` is what its kind tells of the effect."""

    result: Mapping[str, Any]


def approval_answer(approval: Approval) -> ApprovalAnswer:
    """Persons by the names the audit record knows them under, times in UTC."""
    return ApprovalAnswer(
        approval_id=approval.approval_id,
        kind=approval.kind,
        state=approval.state,
        site=approval.site_id,
        target_type=approval.target_type,
        target_id=approval.target_id,
        payload=approval.content,
        payload_hash=approval.payload_hash.hex(),
        base_version=approval.base_version,
        reason=approval.reason,
        requested_by=approval.requested_as,
        requested_at=_utc(approval.requested_at),
        expires_at=_utc(approval.expires_at),
        decided_by=approval.decided_as,
        decided_at=_utc_or_none(approval.decided_at),
        decision_reason=approval.decision_reason,
        closed_by=approval.closed_as,
        closed_at=_utc_or_none(approval.closed_at),
        close_reason=approval.close_reason,
    )


def approval_body(approval: Approval) -> dict[str, Any]:
    """The same as a write answers it."""
    return asdict(approval_answer(approval))


def approval_state(approval: Approval) -> dict[str, object]:
    """What the audit record keeps of it: where it stands, and the hash of what it is about."""
    return {
        "state": approval.state,
        "kind": approval.kind,
        "payload_hash": approval.payload_hash.hex(),
        "base_version": approval.base_version,
    }


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _utc_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else _utc(moment)
