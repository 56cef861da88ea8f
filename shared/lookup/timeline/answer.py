"""What a timeline answers: one line for each thing that happened, the earliest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.corrections.model import CorrectionState, TargetType
from shared.lookup.answer import plain_decimal, utc_text, utc_text_or_none
from shared.lookup.model import Applied, Pair
from shared.lookup.timeline.model import Acted, Asked, Past, Refused, Version

# What may bear one time stands in this order: it arrived, it met its other side, somebody did something.
KINDS = (
    "DEAD_LETTERED",
    "VERSION_APPLIED",
    "PAIR_INCOMPLETE",
    "PAIR_OVERDUE",
    "PAIR_COMPLETE",
    "CORRECTION_REQUESTED",
    "CORRECTION_APPROVED",
    "CORRECTION_REJECTED",
    "CORRECTION_APPLIED",
    "DEAD_LETTER_CLOSED",
    "INTERVENTION",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Where an event stood and when it was sent."""

    stream: str | None
    hub: str
    generation: int
    partition: str
    sequence_number: int
    enqueued_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """Which version it was, as the producer says, and SHA-256 of what it said."""

    updated_at: str | None
    version: int | None
    content_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionStep:
    """A correction as it stood then."""

    correction_id: str
    kind: str
    amount_delta: str | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalStep:
    """An event that could not be applied, or what became of it."""

    dead_letter_id: int
    error_code: str
    error_field: str | None
    status: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InterventionStep:
    """What somebody did, as the audit record has it at that position."""

    position: int
    occurred_at: str
    actor: str
    action: str
    outcome: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineLine:
    """One thing that happened, to which row, and when; `status` is the order's from then on."""

    at: str
    kind: str
    target_type: str
    target_id: str | None
    status: str | None = None
    arrival: Arrival | None = None
    revision: Revision | None = None
    correction: CorrectionStep | None = None
    dead_letter: RefusalStep | None = None
    intervention: InterventionStep | None = None


@dataclass(frozen=True, slots=True)
class _Placed:
    """A line with what decides its place: time, kind, and what parts lines of the same kind and time."""

    at: datetime
    rank: int
    among: tuple[str | int, ...]
    line: TimelineLine


def timeline_lines(
    past: Past, pair: Pair | None, applied: Sequence[tuple[TargetType, str, Sequence[Applied]]]
) -> list[TimelineLine]:
    """All of it in order. `applied` are the corrections that stand beside each row."""
    placed = [
        *_versions(past.versions),
        *_refusals(past.refused),
        *(_meetings(pair) if pair else ()),
        *_requests(past.asked),
        *_corrections(applied),
        *_interventions(past.acted),
    ]
    placed.sort(key=lambda each: (each.at, each.rank, each.among))
    return [each.line for each in placed]


def _placed(
    at: datetime,
    kind: str,
    target_type: str,
    target_id: str | None,
    among: tuple[str | int, ...] = (),
    **parts: object,
) -> _Placed:
    line = TimelineLine(at=utc_text(at), kind=kind, target_type=target_type, target_id=target_id, **parts)  # type: ignore[arg-type]
    return _Placed(at, KINDS.index(kind), (target_type, target_id or "", *among), line)


def _versions(found: Sequence[Version]) -> Iterator[_Placed]:
    """A version was applied because its revision was greater than the one before: that decides between equal times."""
    for each in found:
        target = TargetType.PAYMENT_ORDER if each.is_order else TargetType.LEDGER_ENTRY
        revision = Revision(
            updated_at=utc_text_or_none(each.updated_at),
            version=each.version,
            content_digest=each.content_digest,
        )
        yield _placed(
            each.applied_at,
            "VERSION_APPLIED",
            target.value,
            each.record_key,
            _revision_order(each),
            status=each.order_status,
            arrival=_arrival(each),
            revision=revision,
        )


def _revision_order(found: Version) -> tuple[str | int, ...]:
    """What is absent is below everything."""
    return (
        utc_text_or_none(found.updated_at) or "",
        -1 if found.version is None else found.version,
        utc_text_or_none(found.enqueued_at) or "",
        -1 if found.sequence_number is None else found.sequence_number,
        found.content_digest,
    )


def _arrival(found: Version | Refused) -> Arrival | None:
    """None for what came through no hub."""
    if found.hub is None or found.sequence_number is None or found.enqueued_at is None:
        return None
    assert found.generation is not None, "a place has all its parts"
    assert found.partition_id is not None, "a place has all its parts"
    return Arrival(
        stream=found.stream,
        hub=found.hub,
        generation=found.generation,
        partition=found.partition_id,
        sequence_number=found.sequence_number,
        enqueued_at=utc_text(found.enqueued_at),
    )


def _refusals(found: Sequence[Refused]) -> Iterator[_Placed]:
    for each in found:
        name, among = str(each.dead_letter_id), (each.dead_letter_id,)
        step = RefusalStep(
            dead_letter_id=each.dead_letter_id,
            error_code=each.error_code,
            error_field=each.error_field,
            status=each.status,
            attempts=each.attempts,
        )
        yield _placed(
            each.created_at,
            "DEAD_LETTERED",
            "DEAD_LETTER",
            name,
            among,
            arrival=_arrival(each),
            dead_letter=step,
        )
        if each.closed_at is not None:
            yield _placed(each.closed_at, "DEAD_LETTER_CLOSED", "DEAD_LETTER", name, among, dead_letter=step)


def _meetings(pair: Pair) -> Iterator[_Placed]:
    """What is stored of the pair's changes, as far as it shows: since when it waits, and when it was whole."""
    changes = (
        ("PAIR_INCOMPLETE", pair.incomplete_since),
        ("PAIR_OVERDUE", pair.overdue_at),
        ("PAIR_COMPLETE", pair.completed_at),
    )
    for kind, at in changes:
        if at is not None:
            yield _placed(at, kind, "PAIR", pair.order_id)


def _requests(found: Sequence[Asked]) -> Iterator[_Placed]:
    """A correction as it was asked for and decided; that it was applied stands beside its row."""
    for each in found:
        delta = None if each.amount_delta is None else plain_decimal(each.amount_delta)
        step = CorrectionStep(
            correction_id=each.correction_id, kind=each.kind, amount_delta=delta, note=each.note
        )
        row = (each.target_type, each.target_id, (each.correction_id,))
        yield _placed(each.requested_at, "CORRECTION_REQUESTED", *row, correction=step)
        if each.state in (CorrectionState.APPROVED, CorrectionState.REJECTED):
            yield _placed(each.changed_at, f"CORRECTION_{each.state}", *row, correction=step)


def _corrections(found: Sequence[tuple[TargetType, str, Sequence[Applied]]]) -> Iterator[_Placed]:
    for target_type, target_id, applied in found:
        for each in applied:
            delta = None if each.amount_delta is None else plain_decimal(each.amount_delta)
            step = CorrectionStep(
                correction_id=each.correction_id, kind=each.kind, amount_delta=delta, note=each.note
            )
            among = (each.correction_id,)
            yield _placed(
                each.applied_at, "CORRECTION_APPLIED", target_type.value, target_id, among, correction=step
            )


def _interventions(found: Sequence[Acted]) -> Iterator[_Placed]:
    for each in found:
        step = InterventionStep(
            position=each.position,
            occurred_at=utc_text(each.occurred_at),
            actor=each.actor,
            action=each.action,
            outcome=each.outcome,
            reason=each.reason,
        )
        yield _placed(
            each.appended_at,
            "INTERVENTION",
            each.target_type,
            each.target_id,
            (each.position,),
            intervention=step,
        )
