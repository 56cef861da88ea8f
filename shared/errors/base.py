"""The root of every error Counterfoil raises on purpose: a class with a code.

The catalog (shared/errors/catalog.py) maps each code to its HTTP status, severity and texts. `detail` is for
operators and developers; it never reaches a caller who lacks the permission to read it.
"""

from typing import ClassVar


class CounterfoilError(Exception):
    """Base of all; never raised itself."""

    code: ClassVar[str] = ""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        # Set by who has written an access record or a control entry of it; the edge records what is left.
        self.recorded = False


class InputError(CounterfoilError):
    """The caller or the producer sent something we cannot take."""


class ExternalError(CounterfoilError):
    """Something outside (broker, issuer, channel) did not answer as it should."""


class IntegrityError(CounterfoilError):
    """Data contradict each other."""


class SystemFailure(CounterfoilError):
    """Our own resources are unwell: database, settings, storage."""


class SettingsInvalid(SystemFailure):
    """One or more settings are missing, malformed, unknown or contradict each other."""

    code = "SYS_SETTINGS_INVALID"


class DatabaseUnavailable(SystemFailure):
    """The database cannot be reached, or no connection came free in time."""

    code = "C1-SYS-001"
