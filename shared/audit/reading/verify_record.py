"""Verify a chain: against itself, its anchors, its closed breaks; the chain access beside its records and archives."""

from collections.abc import Sequence
from datetime import timedelta

from shared.adapters.signing import PublicKey, is_signed
from shared.audit.access.archives import read_months
from shared.audit.access.unsealed import UNSEALED_SECONDS_MAX, find_unsealed
from shared.audit.access.verify_seals import SealCheck, verify_seals
from shared.audit.anchors import read_anchors
from shared.audit.keys import public_keys
from shared.audit.links import Finding, Flaw
from shared.audit.model import Chain, instant_text
from shared.audit.reading.answer import ClosedAnswer, FindingAnswer, VerificationAnswer
from shared.audit.segments.model import Segment
from shared.audit.segments.store import list_segments
from shared.audit.verify_chain import Verification, verify_chain
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


def verify_record(
    runtime: Runtime, context: Context, chain: Chain, first: int = 1, last: int | None = None
) -> VerificationAnswer:
    """How far the chain holds from one position to another, or to its end; the first thing that does not is named."""
    keys = public_keys(runtime.secrets)
    anchors, unsigned = read_anchors(runtime.blobs, chain, keys)
    segments, invalid = _segments(runtime, chain, keys)
    found = verify_chain(runtime, chain, first, last, anchors, [each.boundary for each in segments])
    seals = _seals(runtime, keys, found) if chain is Chain.ACCESS and not found.finding else None
    findings = [found.finding, seals.finding if seals else None, *unsigned, *invalid]
    finding = next((each for each in findings if each), None)
    with recorded_read(runtime, context) as reading:
        reading.count = found.count
    return _answer(found, finding, segments, len(anchors), seals, _unsealed(runtime, chain))


def _segments(
    runtime: Runtime, chain: Chain, keys: Sequence[PublicKey]
) -> tuple[list[Segment], list[Finding]]:
    """The closed breaks that were signed by a key of ours, and a finding for each that was not."""
    with runtime.database.statement() as connection:
        stored = list_segments(connection, chain)
    found: list[Segment] = []
    findings: list[Finding] = []
    for document, signature, segment in stored:
        if segment is None or segment.boundary.chain != chain or not is_signed(document, signature, keys):
            position = segment.boundary.break_position if segment else None
            findings.append(Finding(Flaw.SEGMENT_INVALID, position))
        else:
            found.append(segment)
    return found, findings


def _seals(runtime: Runtime, keys: Sequence[PublicKey], found: Verification) -> SealCheck:
    months, finding = read_months(runtime.blobs, keys)
    if finding is not None:
        return SealCheck(0, 0, 0, finding)
    return verify_seals(runtime.database, runtime.blobs, months, found.first, found.last)


def _unsealed(runtime: Runtime, chain: Chain) -> int | None:
    if chain is not Chain.ACCESS:
        return None
    return find_unsealed(runtime.database, timedelta(seconds=UNSEALED_SECONDS_MAX))[0]


def _answer(
    found: Verification,
    finding: Finding | None,
    segments: Sequence[Segment],
    anchors: int,
    seals: SealCheck | None,
    unsealed: int | None,
) -> VerificationAnswer:
    if finding is None and unsealed:
        finding = Finding(Flaw.UNSEALED, None, "access records")
    return VerificationAnswer(
        chain=found.chain.value,
        first=found.first,
        last=found.last,
        count=found.count,
        head_hash=found.head_hash.hex(),
        holds=finding is None,
        finding=FindingAnswer(flaw=finding.flaw.value, position=finding.position, subject=finding.subject)
        if finding
        else None,
        closed=[_closed(each) for each in segments if each.boundary in found.closed],
        anchors=anchors,
        seals=seals.seals if seals else None,
        records=seals.records if seals else None,
        records_archived=seals.archived if seals else None,
        records_unsealed=unsealed,
    )


def _closed(segment: Segment) -> ClosedAnswer:
    return ClosedAnswer(
        break_position=segment.boundary.break_position,
        head_position=segment.boundary.head_position,
        flaw=segment.boundary.flaw,
        requested_by=segment.requested_by,
        approved_by=segment.approved_by,
        approval_id=segment.approval_id,
        reason=segment.reason,
        closed_at=instant_text(segment.closed_at),
    )
