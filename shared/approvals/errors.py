"""What can be wrong with an approval."""

from shared.errors.base import InputError
from shared.security.errors import NotAllowed


class ApprovalNotFound(InputError):
    """No approval has this id where the caller may look."""

    code = "APPROVAL_NOT_FOUND"


class ApprovalStateWrong(InputError):
    """The approval does not go that way from where it stands."""

    code = "APPROVAL_STATE"


class ApprovalExpired(InputError):
    """Its time is over."""

    code = "APPROVAL_EXPIRED"


class ApprovalPayloadChanged(InputError):
    """The payload is not the one that was named, or not the one that was hashed."""

    code = "APPROVAL_PAYLOAD_CHANGED"


class ApprovalOutdated(InputError):
    """What it is about changed since it was asked for."""

    code = "APPROVAL_OUTDATED"


class ApprovalNotYours(NotAllowed):
    """Its requester may not decide it, only its requester may withdraw it, and its kind asks for more."""

    code = "APPROVAL_NOT_YOURS"
