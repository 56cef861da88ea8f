"""What can be wrong with a dump as a whole."""

from typing import ClassVar

from shared.errors.base import InputError, IntegrityError


class DumpUnreadable(InputError):
    """The file cannot be opened, is not packed as its name says, or has no header where it needs one."""

    code: ClassVar[str] = "SYNC_DUMP_UNREADABLE"


class DumpElsewhere(IntegrityError):
    """Another process goes on with the same run; what this one had in hand was rolled back."""

    code: ClassVar[str] = "SYNC_DUMP_ELSEWHERE"
