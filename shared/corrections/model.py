"""A correction: what is wrong with a row, and the entry beside it that puts it right.

PENDING → APPROVED → APPLIED, or REJECTED. The corrected amount is the row's own plus every delta applied to it.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal
from enum import StrEnum

# Amounts have 28 digits; a sum of two must not be rounded to as many.
_EXACT = Context(prec=60)


class TargetType(StrEnum):
    """What can be corrected."""

    LEDGER_ENTRY = "LEDGER_ENTRY"
    PAYMENT_ORDER = "PAYMENT_ORDER"


class CorrectionKind(StrEnum):
    """What a correction does: adds to the amount, takes it back to nothing, or says something."""

    ADJUST = "ADJUST"
    REVERSE = "REVERSE"
    ANNOTATE = "ANNOTATE"


class CorrectionState(StrEnum):
    """Where a correction stands."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    APPLIED = "APPLIED"
    REJECTED = "REJECTED"


# A correction stands as its approval stands; one that ends without an effect is rejected.
STATE_OF = {
    "PENDING": CorrectionState.PENDING,
    "APPROVED": CorrectionState.APPROVED,
    "EXECUTED": CorrectionState.APPLIED,
    "REJECTED": CorrectionState.REJECTED,
    "WITHDRAWN": CorrectionState.REJECTED,
    "EXPIRED": CorrectionState.REJECTED,
}


@dataclass(frozen=True, slots=True)
class Target:
    """A row to be corrected as it stands: its own amount, what corrections added, and which version it is."""

    target_type: str
    target_id: str
    site_id: str
    amount: Decimal
    currency: str
    digest: bytes
    added: Decimal
    corrections: int

    @property
    def corrected(self) -> Decimal:
        """The amount with everything that was added to it."""
        return total(self.amount, self.added)

    @property
    def version(self) -> str:
        """Changes with the row and with every correction of it."""
        return f"{self.digest.hex()}:{self.corrections}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One correction as stored."""

    correction_id: str
    approval_id: str
    target_type: str
    target_id: str
    site_id: str
    kind: str
    amount_before: Decimal | None
    amount_delta: Decimal | None
    currency: str | None
    note: str | None
    evidence: str
    reason: str
    state: str
    requested_by: str
    requested_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """A correction's place in lists: newest first, then by id."""

    requested_at: datetime
    correction_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionFilter:
    """Which corrections are asked for."""

    state: str | None = None
    target_type: str | None = None
    target_id: str | None = None


def total(amount: Decimal, delta: Decimal) -> Decimal:
    """Their sum to the last digit."""
    return _EXACT.add(amount, delta)


def delta_of(kind: CorrectionKind, target: Target, wanted: Decimal | None) -> Decimal | None:
    """What is added to the target's amount: as wanted, all of it back, or nothing."""
    if kind is CorrectionKind.ADJUST:
        return wanted
    return target.corrected.copy_negate() if kind is CorrectionKind.REVERSE else None
