"""What can be wrong with a command before it acts."""

from typing import ClassVar

from shared.errors.base import InputError


class IdempotencyConflict(InputError):
    """The key was used for another request."""

    code: ClassVar[str] = "IDEMPOTENCY_CONFLICT"


class IdempotencyKeyMissing(InputError):
    """A command that needs an idempotency key came without one."""

    code: ClassVar[str] = "IDEMPOTENCY_KEY_MISSING"
