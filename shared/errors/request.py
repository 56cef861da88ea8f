"""Errors of a request itself: what a caller sent, or what none of our own errors explains."""

from dataclasses import dataclass

from shared.errors.base import ExternalError, InputError, SystemFailure


@dataclass(frozen=True)
class FieldProblem:
    """What is wrong with one field of a request and what to send instead; shown to the caller."""

    field: str
    message: str


class RequestInvalid(InputError):
    """One or more fields of a request cannot be taken as they are."""

    code = "REQUEST_INVALID"

    def __init__(self, *fields: FieldProblem) -> None:
        super().__init__("; ".join(f"{each.field}: {each.message}" for each in fields))
        self.fields = fields


class CursorInvalid(RequestInvalid):
    """A page cursor that we did not issue for this very list."""

    code = "CURSOR_INVALID"

    def __init__(self) -> None:
        super().__init__(
            FieldProblem(
                "cursor", "take `next` from the previous page and keep the other parameters the same"
            )
        )


class BodyTooLarge(InputError):
    """The body is longer than a request may be."""

    code = "BODY_TOO_LARGE"


class HeadersTooLarge(InputError):
    """The address, one header or all headers together are longer than a request may have."""

    code = "HEADERS_TOO_LARGE"


class MediaTypeUnsupported(InputError):
    """The body is not declared as JSON, or is compressed."""

    code = "MEDIA_TYPE_UNSUPPORTED"


class PreconditionFailed(InputError):
    """The row has another version than If-Match names: somebody changed it in between."""

    code = "PRECONDITION_FAILED"


class PreconditionMissing(InputError):
    """A change that needs If-Match came without it."""

    code = "PRECONDITION_MISSING"


class RateLimited(InputError):
    """The caller, or the address, asked more often than its class allows."""

    code = "RATE_LIMITED"

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class RateLimitUnavailable(ExternalError):
    """The store of the rate limits does not answer, and this class of requests is closed without it."""

    code = "RATE_LIMIT_UNAVAILABLE"


class UnexpectedFailure(SystemFailure):
    """Our own code failed in a way nobody foresaw."""

    code = "C1-LOG-002"
