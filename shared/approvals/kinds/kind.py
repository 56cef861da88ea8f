"""What a kind of approval has to say for itself: how it is asked for, and what its execution does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from shared.approvals.model import Approval, ApprovalKind, Change, Subject
from shared.runtime import Runtime
from shared.security.model import Permission
from shared.spine.model import Context

Payload = Mapping[str, object]


def _nothing_checked(_runtime: Runtime, _payload: Payload) -> None:
    """A kind whose payload says all about itself."""


def _nothing_opened(_connection: Connection, _approval: Approval, _record_id: str) -> None:
    """A kind that keeps no record of its own."""


def _nothing_moved(_connection: Connection, _approval: Approval, _now: datetime) -> None:
    """The same, when the approval moves."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind. `requests` and `decides` are asked for on the subject's site, beside the endpoint's own permission.

    `check` is asked before any transaction, for what lies outside of the database; it raises RequestInvalid.
    `prepare` reads a payload and locks what it is about; it raises RequestInvalid, or what says that it is not there.
    `base_version` locks it again and tells where it stands now. `act` carries the payload out.
    `opened` and `moved` keep a record of the kind's own in step with the approval.
    """

    kind: ApprovalKind
    requests: Permission
    decides: Permission
    prepare: Callable[[Connection, Payload, Context], Subject]
    base_version: Callable[[Connection, Payload], str | None]
    act: Callable[[Connection, Approval, datetime], Change]
    check: Callable[[Runtime, Payload], None] = _nothing_checked
    opened: Callable[[Connection, Approval, str], None] = _nothing_opened
    moved: Callable[[Connection, Approval, datetime], None] = _nothing_moved
