"""Verify a chain: against itself, its anchors, its closed breaks; the chain access beside its records and archives."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.adapters.signing import PublicKey, is_signed
from shared.audit import store
from shared.audit.access.archives import RecordArchives
from shared.audit.access.unsealed import UNSEALED_SECONDS_MAX, find_unsealed
from shared.audit.access.verify_seals import SealCheck, reach_of, verify_seals
from shared.audit.heads import read_heads
from shared.audit.keys import public_keys
from shared.audit.links import Finding, Flaw
from shared.audit.model import GENESIS, POSITION_MAX, Chain, instant_text
from shared.audit.reading.answer import ClosedAnswer, FindingAnswer, VerificationAnswer
from shared.audit.segments.model import Boundary, Segment
from shared.audit.segments.store import list_segments
from shared.audit.verify_chain import Verification, verify_chain
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


# One request looks at no more than that, and says where the next one goes on: an answer comes in seconds.
@dataclass(frozen=True)
class Limits:
    """The most positions of a chain, and the most access records, for one request."""

    control: int = 100_000
    access: int = 10_000
    records: int = 500_000


ONE_REQUEST = Limits()


@dataclass(frozen=True)
class _Stretch:
    """The positions that are looked at; `to` is None when all that was ever published of the chain must be there."""

    first: int
    last: int
    to: int | None


def verify_record(
    runtime: Runtime,
    context: Context,
    chain: Chain,
    first: int = 1,
    last: int | None = None,
    limits: Limits = ONE_REQUEST,
) -> VerificationAnswer:
    """How far the chain holds from one position to another, or to its end; the first thing that does not is named.

    A stretch that is too long for one request is looked at in its first part, and `next` is where the rest begins.
    """
    keys = public_keys(runtime.secrets)
    wanted, end = _wanted(runtime, chain, first, last, limits)
    until = POSITION_MAX if wanted.to is None else wanted.last
    heads, unsigned = read_heads(runtime.blobs, chain, keys, first, until)
    segments, invalid = _segments(runtime, chain, keys)
    boundaries = [each.boundary for each in segments]
    found = verify_chain(runtime, chain, first, wanted.to, heads, boundaries)
    seals = _seals(runtime, keys, found, boundaries) if chain is Chain.ACCESS and not found.finding else None
    findings = [found.finding, seals.finding if seals else None, *unsigned, *invalid]
    unsealed = _unsealed(runtime, chain)
    if unsealed:
        findings.append(Finding(Flaw.UNSEALED, None, "access records"))
    finding = next((each for each in findings if each), None)
    following = found.last + 1 if found.finding is None and found.last < end else None
    with recorded_read(runtime, context) as reading:
        reading.count = found.count
        before = store.fetch_hash(reading.connection, chain, first - 1) or GENESIS
    beside = _Beside(len(heads), seals, unsealed)
    return _answer(found, finding, segments, beside, before, following)


def _wanted(
    runtime: Runtime, chain: Chain, first: int, last: int | None, limits: Limits
) -> tuple[_Stretch, int]:
    """What one request looks at, and where what was asked for ends."""
    with runtime.database.statement() as connection:
        head = store.fetch_head(connection, chain)
    end = last if last is not None else head.position if head else 0
    reached = min(end, first + (limits.access if chain is Chain.ACCESS else limits.control) - 1)
    if chain is Chain.ACCESS:
        reached = reach_of(runtime.database, first, reached, limits.records)
    return _Stretch(first, reached, None if last is None and reached >= end else reached), end


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


def _seals(
    runtime: Runtime, keys: Sequence[PublicKey], found: Verification, closed: Sequence[Boundary]
) -> SealCheck:
    """The seals beside their records; archives are looked into for what is no longer in the database, and only then."""
    archives = RecordArchives(runtime.blobs, keys)
    check = verify_seals(runtime.database, archives.lines_of, found.first, found.last, closed)
    return replace(check, finding=archives.finding) if archives.finding else check


def _unsealed(runtime: Runtime, chain: Chain) -> int | None:
    if chain is not Chain.ACCESS:
        return None
    return find_unsealed(runtime.database, timedelta(seconds=UNSEALED_SECONDS_MAX))[0]


@dataclass(frozen=True)
class _Beside:
    """What a chain was compared with."""

    heads: int
    seals: SealCheck | None
    unsealed: int | None


def _answer(
    found: Verification,
    finding: Finding | None,
    segments: Sequence[Segment],
    beside: _Beside,
    before: bytes,
    following: int | None,
) -> VerificationAnswer:
    seals = beside.seals
    return VerificationAnswer(
        chain=found.chain.value,
        first=found.first,
        last=found.last,
        count=found.count,
        previous_hash=before.hex(),
        head_hash=found.head_hash.hex(),
        holds=finding is None,
        next=following,
        finding=FindingAnswer(flaw=finding.flaw.value, position=finding.position, subject=finding.subject)
        if finding
        else None,
        closed=[_closed(each) for each in segments if each.boundary in found.closed],
        anchors=beside.heads,
        seals=seals.seals if seals else None,
        records=seals.records if seals else None,
        records_archived=seals.archived if seals else None,
        records_unsealed=beside.unsealed,
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
