"""An entry of the audit record: its facts, its canonical bytes and its hash. Nothing else in the product hashes one.

hash = SHA-256(version ‖ previous hash ‖ canonical bytes): the version is one byte, the previous hash of the first
entry 32 zero bytes. Canonical bytes are JSON in UTF-8 without blanks, with the members in the order of MEMBERS; they
hold chain and position, so an entry proves its own place. What is hashed is stored as it was hashed.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from shared.audit.errors import EntryInvalid

HASH_VERSION = 1
GENESIS = bytes(32)
CANONICAL_BYTES_MAX = 256 * 1024
DEPTH_MAX = 16
# The largest the database has.
POSITION_MAX = 2**63 - 1
MASK = "[masked]"
# A member of a state with such a word in its name holds a secret.
_SECRET = re.compile(
    r"secret|password|passphrase|private_?key|api_?key|authorization|credential|token$", re.IGNORECASE
)


class Chain(StrEnum):
    """The chains: what was done by somebody's hand, and the seals of who looked at what."""

    CONTROL = "control"
    ACCESS = "access"


class Outcome(StrEnum):
    """What became of an action."""

    DONE = "DONE"
    DENIED = "DENIED"
    FAILED = "FAILED"


class PrincipalType(StrEnum):
    """Who acts: a person, a service with a token of its own, or Counterfoil itself."""

    PERSON = "PERSON"
    SERVICE = "SERVICE"
    SYSTEM = "SYSTEM"


class Action(StrEnum):
    """What can be done, as `actor:subject:action`."""

    CEILING_RAISE = "operator:reject_ceiling:raise"
    CEILING_WITHDRAW = "operator:reject_ceiling:withdraw"
    GAP_ACCEPT = "operator:sequence_gap:accept"
    RANGE_REPLAY = "operator:event_range:replay"
    BOOTSTRAP = "system:administrator:bootstrap"
    PRINCIPAL_CREATE = "administrator:principal:create"
    PRINCIPAL_ACTIVATE = "administrator:principal:activate"
    PRINCIPAL_DEACTIVATE = "administrator:principal:deactivate"
    GRANT_GIVE = "administrator:grant:give"
    GRANT_REVOKE = "administrator:grant:revoke"
    BREAK_GLASS_GIVE = "administrator:break_glass:give"
    BREAK_GLASS_REVIEW = "administrator:break_glass:review"
    ROLE_CHANGE = "administrator:role:change"
    TOKEN_ISSUE = "administrator:token:issue"
    TOKEN_REVOKE = "administrator:token:revoke"
    OWN_TOKEN_ROTATE = "holder:token:rotate"
    OWN_TOKEN_REVOKE = "holder:token:revoke"
    SITE_CREATE = "administrator:site:create"
    SITE_CHANGE = "administrator:site:change"
    APPROVAL_REQUEST = "requester:approval:request"
    CORRECTION_REQUEST = "requester:correction:request"
    APPROVAL_APPROVE = "approver:approval:approve"
    APPROVAL_REJECT = "approver:approval:reject"
    APPROVAL_WITHDRAW = "requester:approval:withdraw"
    APPROVAL_EXECUTE = "requester:approval:execute"
    APPROVAL_EXPIRE = "system:approval:expire"
    ACCESS_SEAL = "system:access_records:seal"
    SETTINGS_CHANGE = "system:settings:change"
    ENTRIES_EXPORT = "auditor:audit_entries:export"
    HOLD_PLACE = "administrator:legal_hold:place"
    HOLD_RELEASE = "administrator:legal_hold:release"
    RECORDS_PURGE = "retention:access_records:purge"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a caller says of one action. `before` and `after` are states of the target; secrets in them are masked."""

    chain: Chain
    occurred_at: datetime
    actor: str
    principal_type: PrincipalType
    action: Action
    target_type: str
    outcome: Outcome
    target_id: str | None = None
    role: str | None = None
    site_id: str | None = None
    reason: str | None = None
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    request_id: str | None = None
    idempotency_key: str | None = None
    approval_id: str | None = None
    client_address: str | None = None
    user_agent: str | None = None


@dataclass(frozen=True)
class Head:
    """Where a chain stands: its last position and hash, and the earliest time its next entry may have."""

    position: int
    hash: bytes
    next_appended_at: datetime


@dataclass(frozen=True)
class Entry:
    """One entry as it is stored; `before` and `after` are the JSON texts that stand in the canonical bytes."""

    chain: str
    position: int
    appended_at: datetime
    occurred_at: datetime
    actor: str
    principal_type: str
    role: str | None
    site_id: str | None
    action: str
    target_type: str
    target_id: str | None
    outcome: str
    reason: str | None
    before: str | None
    after: str | None
    request_id: str | None
    idempotency_key: str | None
    approval_id: str | None
    client_address: str | None
    user_agent: str | None
    canonical: bytes
    hash_version: int
    previous_hash: bytes
    hash: bytes


COLUMNS = tuple(each.name for each in fields(Entry))
MEMBERS = COLUMNS[: COLUMNS.index("canonical")]
# Chain, position and time with their names.
_PLACE_BYTES_MAX = 128
_STATES = ("before", "after")
_text = json.JSONEncoder(ensure_ascii=False).encode


def entry_hash(version: int, previous_hash: bytes, canonical: bytes) -> bytes:
    """SHA-256 over the version as one byte, the previous entry's hash, and the entry's canonical bytes."""
    return hashlib.sha256(bytes((version,)) + previous_hash + canonical).digest()


@dataclass(frozen=True)
class Draft:
    """Facts that can be recorded, as values and as the bytes behind the place: all that needs no lock is done."""

    values: Mapping[str, object]
    rest: bytes


def draft_entry(facts: Facts) -> Draft:
    """The facts made ready. Raises EntryInvalid."""
    values: dict[str, object] = {name: _stored(getattr(facts, name)) for name in ("chain", *MEMBERS[3:])}
    values["reason"] = (facts.reason or "").strip() or None
    values |= {name: _state_text(getattr(facts, name)) for name in _STATES}
    _refuse_gaps(values)
    try:
        rest = _rest(values)
    except UnicodeEncodeError as error:
        raise EntryInvalid("a text holds half a character") from error
    if len(rest) > CANONICAL_BYTES_MAX - _PLACE_BYTES_MAX:
        raise EntryInvalid(f"the entry has {len(rest)} bytes, at most {CANONICAL_BYTES_MAX} are taken")
    return Draft(values, rest)


def link_entry(draft: Draft, head: Head) -> Entry:
    """The entry that follows the head."""
    position, moment = head.position + 1, head.next_appended_at
    canonical = _place(str(draft.values["chain"]), position, moment) + draft.rest
    return placed_entry(draft, position, moment, head.hash, entry_hash(HASH_VERSION, head.hash, canonical))


def placed_entry(draft: Draft, position: int, moment: datetime, previous_hash: bytes, known: bytes) -> Entry:
    """The entry of a draft at its place, with the hash it got there."""
    canonical = _place(str(draft.values["chain"]), position, moment) + draft.rest
    values = {**draft.values, "position": position, "appended_at": moment, "canonical": canonical}
    return Entry(**values, hash_version=HASH_VERSION, previous_hash=previous_hash, hash=known)  # type: ignore[arg-type]


def next_entry(facts: Facts, head: Head) -> Entry:
    """The entry of these facts that follows the head. Raises EntryInvalid."""
    return link_entry(draft_entry(facts), head)


def _stored(value: object) -> object:
    return value.value if isinstance(value, StrEnum) else value


def _refuse_gaps(values: Mapping[str, object]) -> None:
    """A record without its actor, target or reason, or with a time of no zone, proves nothing."""
    for name in ("actor", "target_type"):
        if not str(values[name]).strip():
            raise EntryInvalid(f"{name} is blank")
    if values["chain"] == Chain.CONTROL and values["outcome"] != Outcome.DENIED and values["reason"] is None:
        raise EntryInvalid("a control action has a reason")
    if any(isinstance(value, str) and "\0" in value for value in values.values()):
        raise EntryInvalid("a text holds the character NUL")
    moment = values["occurred_at"]
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise EntryInvalid("occurred_at is no time with a zone")


def canonical_bytes(values: Mapping[str, object]) -> bytes:
    """What an entry's values are as bytes: what is made for an entry is what is made to check one."""
    chain, position, moment = (values[name] for name in MEMBERS[:3])
    assert isinstance(position, int), "positions are whole numbers"
    assert isinstance(moment, datetime), "times are times"
    return _place(str(chain), position, moment) + _rest(values)


def _place(chain: str, position: int, moment: datetime) -> bytes:
    """The members that only the chain's head decides; they come first."""
    opening = f'{{"chain":{_text(chain)},"position":{position},"appended_at":"{instant_text(moment)}"'
    return opening.encode()


def _rest(values: Mapping[str, object]) -> bytes:
    return ("".join(f',"{name}":{_member(name, values[name])}' for name in MEMBERS[3:]) + "}").encode()


def _member(name: str, value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, datetime):
        return f'"{instant_text(value)}"'
    # A state is JSON already; everything else is a text.
    return str(value) if name in _STATES else _text(str(value))


def instant_text(moment: datetime) -> str:
    """UTC with six decimals, always 27 characters: the order of the texts is the order of the times."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _state_text(state: Mapping[str, object] | None) -> str | None:
    """A state as JSON with sorted names. Raises EntryInvalid for what is no plain value."""
    if state is None:
        return None
    return json.dumps(_plain(state, 1), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def _plain(value: object, depth: int) -> object:
    """JSON values; money and times as texts, secrets masked. Floats are refused, they round what they hold."""
    if depth > DEPTH_MAX:
        raise EntryInvalid(f"a state nests deeper than {DEPTH_MAX}")
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) and "\0" not in name for name in value):
            raise EntryInvalid("a name in a state is no text, or holds the character NUL")
        return {
            name: MASK if _SECRET.search(name) and each is not None else _plain(each, depth + 1)
            for name, each in value.items()
        }
    if isinstance(value, list | tuple):
        return [_plain(each, depth + 1) for each in value]
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise EntryInvalid("a time in a state has no zone")
        return instant_text(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, str) and "\0" in value:
        raise EntryInvalid("a text in a state holds the character NUL")
    if value is None or isinstance(value, bool | int | str):
        return _stored(value)
    raise EntryInvalid(f"a state holds a {type(value).__name__}")
