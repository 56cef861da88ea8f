"""An access record: one read, or one refusal of somebody who is known; and its line, as it is sealed and archived.

A line is JSON in UTF-8 without blanks, with the members in the order of MEMBERS, and a line feed. It follows from the
stored values alone: the same row gives the same bytes in a seal, in an archive and in a verification.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime

from shared.audit.model import instant_text

# The secret whose versions make the hashes of ids.
HASH_KEY = "access-hash-key"
_TEXT_CHARACTERS_MAX = 500


@dataclass(frozen=True, kw_only=True)
class Access:
    """What is recorded of one request. `looked_up` are hashes of ids, `query` is JSON without ids and free texts."""

    occurred_at: datetime
    actor: str
    principal_type: str
    role: str | None
    site_id: str | None
    permission: str
    resource: str
    status: int
    code: str | None
    result_count: int
    duration_us: int
    request_id: str
    client_address: str | None
    user_agent: str | None
    query: str
    looked_up: tuple[bytes, ...] = ()
    key_version: str | None = None


@dataclass(frozen=True, kw_only=True)
class AccessRecord(Access):
    """One record as it is stored: its number and the server's time beside what was said."""

    record_id: int
    recorded_at: datetime


@dataclass(frozen=True)
class Hold:
    """Days whose records may not be purged; without a last day all from the first one on."""

    first_day: date
    last_day: date | None
    placed_by: str
    placed_at: datetime
    reason: str


GIVEN = tuple(each.name for each in fields(Access))
MEMBERS = ("record_id", "recorded_at", *GIVEN)
_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def record_line(record: AccessRecord) -> bytes:
    """The record as it is hashed and archived."""
    values = {name: _plain(getattr(record, name)) for name in MEMBERS}
    return (_dumps(values) + "\n").encode()


def lines_digest(lines: Iterable[bytes]) -> bytes:
    """SHA-256 over the lines of records in the order of their ids."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line)
    return digest.digest()


def id_hash(key: bytes, text: str) -> bytes:
    """By which a looked-up id is found again without being kept."""
    return hmac.new(key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()


def query_text(query: Mapping[str, str]) -> str:
    """A query as it is kept: sorted, so that the same question has the same text."""
    return json.dumps({name: kept_text(query[name]) for name in sorted(query)}, separators=(",", ":"))


def kept_text(text: str) -> str:
    """What a caller sent about itself, made storable: no NUL, no half characters, not without end."""
    return text[:_TEXT_CHARACTERS_MAX].replace("\0", "").encode("utf-8", "replace").decode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, tuple):
        return [bytes(each).hex() for each in value]
    return value
