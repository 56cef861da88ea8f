"""What the watch tells people about, each with its code, and what can be wrong with a wish concerning a gap.

The first six are never raised: they are written as alerts, and the catalog says what to do about them.
"""

from typing import ClassVar

from shared.errors.base import CounterfoilError, ExternalError, InputError, IntegrityError


class SequenceGap(IntegrityError):
    """Events are missing inside what we received of a partition."""

    code: ClassVar[str] = "SYNC_SEQUENCE_GAP"


class Stalled(CounterfoilError):
    """A partition stands still although the hub holds more."""

    code: ClassVar[str] = "SYNC_STALLED"


class RetentionRisk(CounterfoilError):
    """The oldest unread event has used up half of the time the hub keeps it."""

    code: ClassVar[str] = "SYNC_RETENTION_RISK"


class SiteSilent(ExternalError):
    """No event of a site came for longer than the site expects."""

    code: ClassVar[str] = "SYNC_SILENT"


class GenerationChanged(IntegrityError):
    """The hub of that name is another one than before: made anew, or switched to an older one."""

    code: ClassVar[str] = "SYNC_GENERATION_CHANGED"


class PairsOverdue(ExternalError):
    """Pairs of a site are incomplete beyond its window."""

    code: ClassVar[str] = "SYNC_PAIRS_OVERDUE"


class GapNotFound(InputError):
    """There is no such gap, or none that could be accepted: it is closed or accepted already."""

    code: ClassVar[str] = "SYNC_GAP_NOT_FOUND"


class ReplayRefused(InputError):
    """Sequence numbers cannot be read again as asked: no such partition, or the hub is another generation now."""

    code: ClassVar[str] = "SYNC_REPLAY_REFUSED"


class DecisionIncomplete(InputError):
    """A gap is accepted or read again for a reason that cannot be kept as one line of text."""

    code: ClassVar[str] = "SYNC_DECISION_INCOMPLETE"
