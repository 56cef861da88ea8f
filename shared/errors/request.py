"""Errors of a request itself: what a caller sent, or what none of our own errors explains."""

from dataclasses import dataclass

from shared.errors.base import InputError, SystemFailure


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


class UnexpectedFailure(SystemFailure):
    """Our own code failed in a way nobody foresaw."""

    code = "C1-LOG-002"
