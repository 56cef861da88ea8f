"""An approval: what is asked for, byte for byte, the states it goes through, and who may move it.

PENDING → APPROVED → EXECUTED, PENDING → REJECTED, PENDING or APPROVED → WITHDRAWN or EXPIRED.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

PAYLOAD_BYTES_MAX = 64 * 1024
PAYLOAD_DEPTH_MAX = 8
EXPIRES_MAX = timedelta(days=30)
EXPIRES_DEFAULT = timedelta(days=7)


class ApprovalKind(StrEnum):
    """What can be asked for."""

    REPLAY = "REPLAY"
    ACTIVATE_VERSION = "ACTIVATE_VERSION"
    CORRECTION = "CORRECTION"
    CHAIN_SEGMENT = "CHAIN_SEGMENT"
    POLICY = "POLICY"
    UNLOCK = "UNLOCK"
    FORCE_COMPLETE = "FORCE_COMPLETE"


class ApprovalState(StrEnum):
    """Where an approval stands."""

    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    EXECUTED = "EXECUTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"


OPEN_STATES = (ApprovalState.PENDING, ApprovalState.APPROVED)
# The way to each state; everything that is not here is refused, by the database too.
EDGES: Mapping[ApprovalState, frozenset[ApprovalState]] = {
    ApprovalState.APPROVED: frozenset({ApprovalState.PENDING}),
    ApprovalState.REJECTED: frozenset({ApprovalState.PENDING}),
    ApprovalState.EXECUTED: frozenset({ApprovalState.APPROVED}),
    ApprovalState.WITHDRAWN: frozenset(OPEN_STATES),
    ApprovalState.EXPIRED: frozenset(OPEN_STATES),
}


class PayloadInvalid(ValueError):
    """A payload that has no one form as bytes; the text says why."""


@dataclass(frozen=True)
class Who:
    """A principal, by its id and by the name the audit record knows it under."""

    principal_id: str
    actor: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody asks for, as it came."""

    kind: str
    payload: Mapping[str, object]
    lasts: timedelta = EXPIRES_DEFAULT


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a request is about, as it stands now: `payload` is what will be carried out, whole.

    `base_version` is the state it was asked for; at another one it is not carried out.
    """

    target_type: str
    target_id: str | None
    site_id: str | None
    base_version: str | None
    payload: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an execution came to."""

    result: Mapping[str, object]
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One approval as stored."""

    approval_id: str
    kind: str
    site_id: str | None
    target_type: str
    target_id: str | None
    payload: bytes
    payload_hash: bytes
    base_version: str | None
    reason: str
    state: str
    requested_by: str
    requested_as: str
    requested_at: datetime
    expires_at: datetime
    decided_by: str | None = None
    decided_as: str | None = None
    decided_at: datetime | None = None
    decision_reason: str | None = None
    closed_by: str | None = None
    closed_as: str | None = None
    closed_at: datetime | None = None
    close_reason: str | None = None

    @property
    def is_intact(self) -> bool:
        """Whether the payload is what was hashed."""
        return hashlib.sha256(self.payload).digest() == self.payload_hash

    @property
    def content(self) -> dict[str, object]:
        """The payload as values."""
        found = json.loads(self.payload)
        assert isinstance(found, dict), "a payload is an object"
        return found


def canonical_payload(payload: Mapping[str, object]) -> bytes:
    """The payload's one form: JSON in UTF-8, names sorted, no blanks. Raises PayloadInvalid.

    Fractions are refused: a number such as 0.1 is written in many ways; amounts travel as texts.
    """
    _refuse_ambiguous(payload, 1)
    try:
        found = json.dumps(payload, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    except UnicodeEncodeError as error:
        raise PayloadInvalid("a text holds half a character") from error
    if len(found) > PAYLOAD_BYTES_MAX:
        raise PayloadInvalid(f"it has {len(found)} bytes, at most {PAYLOAD_BYTES_MAX} are taken")
    return found


def _refuse_ambiguous(value: object, depth: int) -> None:
    if depth > PAYLOAD_DEPTH_MAX:
        raise PayloadInvalid(f"it nests deeper than {PAYLOAD_DEPTH_MAX}")
    if isinstance(value, str):
        if "\0" in value:
            raise PayloadInvalid("a text holds the character NUL")
    elif isinstance(value, Mapping):
        for each in (*value, *value.values()):
            _refuse_ambiguous(each, depth + 1)
    elif isinstance(value, list | tuple):
        for each in value:
            _refuse_ambiguous(each, depth + 1)
    elif not (value is None or isinstance(value, int)):
        raise PayloadInvalid("a number has a fraction; send it as a text")


def new_approval(
    approval_id: str,
    kind: ApprovalKind,
    subject: Subject,
    asked: Who,
    *,
    reason: str,
    now: datetime,
    lasts: timedelta,
) -> Approval:
    """A request as it begins. Raises PayloadInvalid."""
    payload = canonical_payload(subject.payload)
    return Approval(
        approval_id=approval_id,
        kind=kind.value,
        site_id=subject.site_id,
        target_type=subject.target_type,
        target_id=subject.target_id,
        payload=payload,
        payload_hash=hashlib.sha256(payload).digest(),
        base_version=subject.base_version,
        reason=reason,
        state=ApprovalState.PENDING.value,
        requested_by=asked.principal_id,
        requested_as=asked.actor,
        requested_at=now,
        expires_at=now + lasts,
    )


@dataclass(frozen=True, slots=True)
class Place:
    """An approval's place in lists: newest first, then by id."""

    requested_at: datetime
    approval_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalFilter:
    """Which approvals are asked for."""

    state: str | None = None
    kind: str | None = None
