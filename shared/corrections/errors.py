"""What can be wrong with a correction."""

from shared.errors.base import InputError


class CorrectionNotFound(InputError):
    """No correction has this id where the caller may look."""

    code = "CORRECTION_NOT_FOUND"


class CorrectionTargetNotFound(InputError):
    """No row of this id is there to be corrected where the caller may."""

    code = "CORRECTION_TARGET_NOT_FOUND"


class CorrectionOpen(InputError):
    """A correction of the same row is still open."""

    code = "CORRECTION_OPEN"
