"""What can be wrong with an entry, with a chain, and with the moment of an archive."""

from typing import ClassVar

from shared.errors.base import InputError, IntegrityError


class EntryInvalid(InputError):
    """The facts of an action cannot become an entry: a text, a time or a state has a form the record does not take."""

    code: ClassVar[str] = "AUDIT_ENTRY_INVALID"


class EntryRefused(IntegrityError):
    """The database refused an entry because it does not follow the chain's last one; the action does not happen."""

    code: ClassVar[str] = "AUDIT_ENTRY_REFUSED"


class ChainBroken(IntegrityError):
    """A stored chain is not what was appended; `position` is the first that does not hold, `flaw` what is wrong."""

    code: ClassVar[str] = "AUDIT_CHAIN_BROKEN"

    def __init__(self, detail: str, position: int | None, flaw: str) -> None:
        super().__init__(detail)
        self.position = position
        self.flaw = flaw


class ArchiveRefused(InputError):
    """An archive cannot be written now: its month is not over, stands already, or an earlier one is missing."""

    code: ClassVar[str] = "AUDIT_ARCHIVE_REFUSED"


class AnchorUnusable(InputError):
    """What was given as an anchor is none that a known key signed."""

    code: ClassVar[str] = "AUDIT_ANCHOR_UNUSABLE"


class RecordsUnsealed(IntegrityError):
    """Access records are older than five minutes and in no seal: nothing proves yet that they are what they were."""

    code: ClassVar[str] = "AUDIT_RECORDS_UNSEALED"


class SegmentInvalid(InputError):
    """What is to close a break of a chain is not what the chain is like, or closes nothing."""

    code: ClassVar[str] = "AUDIT_SEGMENT_INVALID"


class PurgeRefused(InputError):
    """A day of access records may not go: it is held, not over long enough, or not in a verified archive."""

    code: ClassVar[str] = "AUDIT_PURGE_REFUSED"
