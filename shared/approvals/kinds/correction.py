"""CORRECTION: an entry beside a ledger entry or a payment order."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection

from shared.approvals.kinds.kind import Kind, Payload
from shared.approvals.kinds.members import Members, refuse
from shared.approvals.model import Approval, ApprovalKind, Change, Subject
from shared.corrections import store
from shared.corrections.model import (
    STATE_OF,
    Correction,
    CorrectionKind,
    CorrectionState,
    Target,
    TargetType,
    delta_of,
    total,
)
from shared.security.model import EVERYTHING, Permission
from shared.spine.model import Context

ID_CHARACTERS_MAX = 200
NOTE_CHARACTERS_MAX = 2000
# 20 digits before the point, as every amount has.
AMOUNT_END = Decimal(10) ** 20
_MEMBERS = ("target_type", "target_id", "kind", "data", "evidence")
_DATA = {
    CorrectionKind.ADJUST: ("amount_delta", "note"),
    CorrectionKind.REVERSE: ("note",),
    CorrectionKind.ANNOTATE: ("note",),
}


def prepare(connection: Connection, payload: Payload, context: Context) -> Subject:
    """The correction as it would be applied now: REVERSE names the amount it takes back."""
    members = Members(payload).only(_MEMBERS)
    target_type = TargetType(members.choice("target_type", TargetType))
    target_id = members.text("target_id", ID_CHARACTERS_MAX)
    kind = CorrectionKind(members.choice("kind", CorrectionKind))
    evidence = members.text("evidence", NOTE_CHARACTERS_MAX)
    data = members.within("data").only(_DATA[kind])
    wanted = data.amount("amount_delta") if kind is CorrectionKind.ADJUST else None
    note = None
    if kind is CorrectionKind.ANNOTATE or "note" in data:
        note = data.text("note", NOTE_CHARACTERS_MAX)
    target = store.lock_target(connection, target_type, target_id, context.scope)
    delta = _checked(kind, target, delta_of(kind, target, wanted))
    return Subject(
        target_type=target.target_type,
        target_id=target.target_id,
        site_id=target.site_id,
        base_version=target.version,
        payload={
            "target_type": target_type.value,
            "target_id": target_id,
            "kind": kind.value,
            "evidence": evidence,
            "data": {
                "amount_before": None if delta is None else f"{target.corrected:f}",
                "amount_delta": None if delta is None else f"{delta:f}",
                "currency": None if delta is None else target.currency,
                "note": note,
            },
        },
    )


def _checked(kind: CorrectionKind, target: Target, delta: Decimal | None) -> Decimal | None:
    if delta is None:
        return None
    if delta == 0:
        raise refuse("kind", "there is nothing to take back; the amount is zero")
    after = total(target.corrected, delta)
    if not 0 <= after < AMOUNT_END or abs(target.corrected) >= AMOUNT_END:
        raise refuse("data.amount_delta", f"takes the amount from {target.corrected:f} to {after:f}")
    return delta


def base_version(connection: Connection, payload: Payload) -> str:
    """Where the row and its corrections stand now; the row is locked."""
    kind, target_id = TargetType(str(payload["target_type"])), str(payload["target_id"])
    return store.lock_target(connection, kind, target_id, EVERYTHING).version


def opened(connection: Connection, approval: Approval, correction_id: str) -> None:
    """The correction begins with its approval."""
    content = approval.content
    data = content["data"]
    assert isinstance(data, dict), "it was prepared so"
    assert approval.site_id is not None, "every row belongs to a site"
    store.insert_correction(
        connection,
        Correction(
            correction_id=correction_id,
            approval_id=approval.approval_id,
            target_type=str(content["target_type"]),
            target_id=str(content["target_id"]),
            site_id=approval.site_id,
            kind=str(content["kind"]),
            amount_before=_decimal(data["amount_before"]),
            amount_delta=_decimal(data["amount_delta"]),
            currency=data["currency"],
            note=data["note"],
            evidence=str(content["evidence"]),
            reason=approval.reason,
            state=CorrectionState.PENDING.value,
            requested_by=approval.requested_by,
            requested_at=approval.requested_at,
            changed_at=approval.requested_at,
        ),
    )


def _decimal(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def moved(connection: Connection, approval: Approval, now: datetime) -> None:
    """The correction stands as its approval stands."""
    store.move_correction(connection, approval.approval_id, STATE_OF[approval.state], now)


def act(connection: Connection, approval: Approval, now: datetime) -> Change:
    """Add the correcting entry; the row stays as it is."""
    correction = store.get_correction_of(connection, approval.approval_id)
    kind = TargetType(correction.target_type)
    target = store.lock_target(connection, kind, correction.target_id, EVERYTHING)
    store.insert_entry(connection, correction.correction_id, target.digest, now)
    after = total(target.corrected, correction.amount_delta or Decimal(0))
    return Change(
        result={"correction_id": correction.correction_id},
        before={"amount": target.corrected, "corrections": target.corrections},
        after={"amount": after, "corrections": target.corrections + 1, "note": correction.note},
    )


CORRECTION = Kind(
    kind=ApprovalKind.CORRECTION,
    requests=Permission.CORRECTION_REQUEST,
    decides=Permission.APPROVAL_DECIDE,
    prepare=prepare,
    base_version=base_version,
    act=act,
    opened=opened,
    moved=moved,
)
