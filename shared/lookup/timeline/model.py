"""What is stored of a row's past."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.corrections.model import TargetType

# How much of each kind a timeline holds; the newest are kept.
PART_MAX = 200
# How many of an order's entries it follows.
ENTRIES_MAX = 100


@dataclass(frozen=True, slots=True)
class Subjects:
    """The rows a timeline is about, all of which the caller sees."""

    tx_ids: tuple[str, ...]
    order_ids: tuple[str, ...]

    def named(self) -> list[tuple[str, str]]:
        """Each as type and id."""
        entries = [(TargetType.LEDGER_ENTRY.value, each) for each in self.tx_ids]
        return entries + [(TargetType.PAYMENT_ORDER.value, each) for each in self.order_ids]


@dataclass(frozen=True, slots=True)
class Version:
    """One applied version of a row, and the place it came from; without a place it was loaded from a dump."""

    record_key: str
    is_order: bool
    stream: str | None
    hub: str | None
    generation: int | None
    partition_id: str | None
    sequence_number: int | None
    enqueued_at: datetime | None
    updated_at: datetime | None
    version: int | None
    content_digest: str
    order_status: str | None
    applied_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that names a row and could not be applied."""

    dead_letter_id: int
    stream: str
    hub: str
    generation: int
    partition_id: str
    sequence_number: int
    enqueued_at: datetime
    error_code: str
    error_field: str | None
    status: str
    attempts: int
    created_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A correction of a row as it was asked for, and where it stands."""

    correction_id: str
    approval_id: str
    target_type: str
    target_id: str
    kind: str
    state: str
    amount_delta: Decimal | None
    note: str | None
    requested_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Acted:
    """An entry of the audit record that is about a row, a correction of it, or a dead letter that names it."""

    position: int
    appended_at: datetime
    occurred_at: datetime
    actor: str
    action: str
    target_type: str
    target_id: str | None
    outcome: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Past:
    """What is stored of the subjects' past; not complete where there is more of a kind than a timeline holds."""

    versions: Sequence[Version]
    refused: Sequence[Refused]
    asked: Sequence[Asked]
    acted: Sequence[Acted]
    is_complete: bool


def kept_past(
    versions: Sequence[Version], refused: Sequence[Refused], asked: Sequence[Asked], acted: Sequence[Acted]
) -> Past:
    """At most so much of each kind, of the versions for each row; each kind is given the newest first."""
    by_row: dict[tuple[bool, str], list[Version]] = {}
    for each in versions:
        by_row.setdefault((each.is_order, each.record_key), []).append(each)
    parts: list[Sequence[object]] = [*by_row.values(), refused, asked, acted]
    return Past(
        [each for row in by_row.values() for each in row[:PART_MAX]],
        refused[:PART_MAX],
        asked[:PART_MAX],
        acted[:PART_MAX],
        all(len(part) <= PART_MAX for part in parts),
    )
