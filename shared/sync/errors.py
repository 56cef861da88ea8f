"""What can be wrong with one event, and what can be wrong with us while taking events.

EventRejected and its children are verdicts on an event: it becomes a dead letter and its neighbours go on. All others
raise out of the function, so that the platform holds the batch.
"""

from collections.abc import Mapping
from typing import ClassVar

from shared.errors.base import CounterfoilError, InputError, IntegrityError, SystemFailure


class EventRejected(InputError):
    """One event can never be applied as it is. `field` is the field at fault, if one is."""

    def __init__(self, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.field = field


class BodyEncodingInvalid(EventRejected):
    """The body is not UTF-8, or its text holds a lone surrogate."""

    code: ClassVar[str] = "CONTRACT_ENCODING_INVALID"


class BodyNotJson(EventRejected):
    """The body is not one JSON text (truncated, trailing bytes, NaN or Infinity literals)."""

    code: ClassVar[str] = "CONTRACT_JSON_INVALID"


class BodyNotObject(EventRejected):
    """The body, or the data of its envelope, is JSON but no object."""

    code: ClassVar[str] = "CONTRACT_NOT_AN_OBJECT"


class BodyTooLarge(EventRejected):
    """The body is longer than 256 KiB."""

    code: ClassVar[str] = "CONTRACT_BODY_TOO_LARGE"


class BodyTooDeep(EventRejected):
    """Objects and arrays nest deeper than 32."""

    code: ClassVar[str] = "CONTRACT_NESTING_TOO_DEEP"


class KeyDuplicated(EventRejected):
    """An object names one key twice, so what the producer meant is unknown."""

    code: ClassVar[str] = "CONTRACT_DUPLICATE_KEY"


class FieldMissing(EventRejected):
    """A required field is absent, null or blank."""

    code: ClassVar[str] = "CONTRACT_FIELD_MISSING"


class FieldInvalid(EventRejected):
    """A field has another type, form or range than the contract says."""

    code: ClassVar[str] = "CONTRACT_FIELD_INVALID"


class AliasConflict(EventRejected):
    """Two names of one fact are present and their values differ."""

    code: ClassVar[str] = "CONTRACT_ALIAS_CONFLICT"


class LineInvalid(EventRejected):
    """A line of a dump is no row of its file: no CSV, or with other cells than the header names."""

    code: ClassVar[str] = "CONTRACT_LINE_INVALID"


class OperationUnsupported(EventRejected):
    """A change message says that its row was deleted, or another operation the profile does not take."""

    code: ClassVar[str] = "CONTRACT_OPERATION_UNSUPPORTED"


class SiteUnknown(EventRejected):
    """The event's site is not registered, or not active."""

    code: ClassVar[str] = "SITE_UNKNOWN"


class RowRefused(EventRejected):
    """PostgreSQL itself refused the event's row; the contract had taken its values."""

    code: ClassVar[str] = "SYNC_ROW_REFUSED"


class DeadLetterConflict(IntegrityError):
    """The same place of the same hub came again with other bytes: the hub is not the one we knew."""

    code: ClassVar[str] = "SYNC_DEAD_LETTER_CONFLICT"


class RejectFlood(IntegrityError):
    """More of a batch is bad than the ceiling allows: that is no matter of single events, the partition is held.

    `alert_key` stays the same however often the batch comes; `facts` are what an operator needs to look at.
    """

    code: ClassVar[str] = "SYNC_REJECT_FLOOD"

    def __init__(self, detail: str, alert_key: str, facts: Mapping[str, object]) -> None:
        super().__init__(detail)
        self.alert_key = alert_key
        self.facts = facts


class ProfileInvalid(SystemFailure):
    """A profile's file cannot be read as one, or there is none of that name."""

    code: ClassVar[str] = "SYS_PROFILE_INVALID"


class CeilingInvalid(InputError):
    """A reject ceiling cannot be raised or taken back as asked."""

    code: ClassVar[str] = "SYNC_CEILING_INVALID"


class GenerationSuspect(CounterfoilError):
    """A known number came with a later enqueued time: the hub may be a new one.

    Never leaves the room, where it makes us ask the hub; so it has no code.
    """
