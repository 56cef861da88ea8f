"""What callers see of a correction."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from shared.corrections.model import Correction, total


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionAnswer:
    """A correction; `amount_after` is what the target's amount is with it."""

    correction_id: str
    approval_id: str
    state: str
    site: str
    target_type: str
    target_id: str
    kind: str
    amount_before: str | None
    amount_delta: str | None
    amount_after: str | None
    currency: str | None
    note: str | None
    evidence: str
    reason: str
    requested_at: str
    changed_at: str


def correction_answer(found: Correction) -> CorrectionAnswer:
    """Amounts as plain decimals, times in UTC."""
    before, delta = found.amount_before, found.amount_delta
    return CorrectionAnswer(
        correction_id=found.correction_id,
        approval_id=found.approval_id,
        state=found.state,
        site=found.site_id,
        target_type=found.target_type,
        target_id=found.target_id,
        kind=found.kind,
        amount_before=_plain(before),
        amount_delta=_plain(delta),
        amount_after=None if before is None or delta is None else _plain(total(before, delta)),
        currency=found.currency,
        note=found.note,
        evidence=found.evidence,
        reason=found.reason,
        requested_at=_utc(found.requested_at),
        changed_at=_utc(found.changed_at),
    )


def _plain(value: Decimal | None) -> str | None:
    if value is None:
        return None
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"
