"""What callers see of the audit record."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.audit.access.model import AccessRecord
from shared.audit.model import Entry, instant_text


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryAnswer:
    """One entry; `hash` and `previous_hash` are those by which it is linked."""

    chain: str
    position: int
    appended_at: str
    occurred_at: str
    actor: str
    principal_type: str
    role: str | None
    site: str | None
    action: str
    target_type: str
    target_id: str | None
    outcome: str
    reason: str | None
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    request_id: str | None
    idempotency_key: str | None
    approval_id: str | None
    client_address: str | None
    user_agent: str | None
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntriesAnswer:
    """One page, the newest first; `total` counts all that match, `next` is the following page's cursor."""

    items: list[EntryAnswer]
    total: int
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessAnswer:
    """One read, or one refusal of somebody known."""

    record_id: int
    recorded_at: str
    actor: str
    principal_type: str
    role: str | None
    site: str | None
    permission: str
    resource: str
    status: int
    code: str | None
    result_count: int
    duration_seconds: float
    request_id: str
    client_address: str | None
    user_agent: str | None
    query: Mapping[str, Any]
    ids_looked_up: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessesAnswer:
    """One page, the newest first; `total` counts all that match, `next` is the following page's cursor."""

    items: list[AccessAnswer]
    total: int
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingAnswer:
    """What is wrong, and the first position that does not hold."""

    flaw: str
    position: int | None
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedAnswer:
    """A break that two persons closed; nothing between its positions is proved."""

    break_position: int
    head_position: int
    flaw: str
    requested_by: str
    approved_by: str
    approval_id: str
    reason: str
    closed_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationAnswer:
    """How far a chain holds. `seals` to `records_archived` are of the chain access, unsealed is of this moment.

    What was looked at ends with `last`. `next` is the position from which another request goes on, null when nothing
    that was asked for is left; its `previous_hash` must be this `head_hash`. `anchors` counts the published heads.
    """

    chain: str
    first: int
    last: int
    count: int
    previous_hash: str
    head_hash: str
    holds: bool
    next: int | None
    finding: FindingAnswer | None
    closed: list[ClosedAnswer]
    anchors: int
    seals: int | None
    records: int | None
    records_archived: int | None
    records_unsealed: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentProposalAnswer:
    """`document` and `signature` are the payload of the approval; the rest says what they are about."""

    document: str
    signature: str
    chain: str
    break_position: int
    head_position: int
    flaw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveAnswer:
    """One archive that stands: its names in the blob store, and what its signed manifest says."""

    kind: str
    month: str
    name: str
    first_position: int
    last_position: int
    count: int
    bytes: int
    sha256: str
    key_id: str
    manifest_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivesAnswer:
    """All of them, by kind and month, and the public keys by which they are checked, the newest first."""

    items: list[ArchiveAnswer]
    public_keys: list[str]


def entry_answer(entry: Entry) -> EntryAnswer:
    """Times in UTC, states as they were recorded, hashes in hexadecimal."""
    return EntryAnswer(
        chain=entry.chain,
        position=entry.position,
        appended_at=instant_text(entry.appended_at),
        occurred_at=instant_text(entry.occurred_at),
        actor=entry.actor,
        principal_type=entry.principal_type,
        role=entry.role,
        site=entry.site_id,
        action=entry.action,
        target_type=entry.target_type,
        target_id=entry.target_id,
        outcome=entry.outcome,
        reason=entry.reason,
        before=json.loads(entry.before) if entry.before else None,
        after=json.loads(entry.after) if entry.after else None,
        request_id=entry.request_id,
        idempotency_key=entry.idempotency_key,
        approval_id=entry.approval_id,
        client_address=entry.client_address,
        user_agent=entry.user_agent,
        previous_hash=entry.previous_hash.hex(),
        hash=entry.hash.hex(),
    )


def access_answer(record: AccessRecord) -> AccessAnswer:
    """Of the ids only how many they were: nobody learns one that does not know it."""
    return AccessAnswer(
        record_id=record.record_id,
        recorded_at=instant_text(record.recorded_at),
        actor=record.actor,
        principal_type=record.principal_type,
        role=record.role,
        site=record.site_id,
        permission=record.permission,
        resource=record.resource,
        status=record.status,
        code=record.code,
        result_count=record.result_count,
        duration_seconds=record.duration_us / 1_000_000,
        request_id=record.request_id,
        client_address=record.client_address,
        user_agent=record.user_agent,
        query=json.loads(record.query),
        ids_looked_up=len(record.looked_up),
    )
