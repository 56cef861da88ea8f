"""Failures of the host that a user reads."""


class StartError(Exception):
    """The host cannot start; the message is one sentence that says what to change."""
