"""Errors of the local Event Hubs: those sent to a client, and those shown to the person who starts it."""

from enum import StrEnum


class Condition(StrEnum):
    """Error conditions: AMQP 1.0 sections 2.8.15 to 2.8.18, and two of the service's own."""

    INTERNAL_ERROR = "amqp:internal-error"
    NOT_FOUND = "amqp:not-found"
    UNAUTHORIZED = "amqp:unauthorized-access"
    DECODE_ERROR = "amqp:decode-error"
    RESOURCE_LIMIT = "amqp:resource-limit-exceeded"
    NOT_ALLOWED = "amqp:not-allowed"
    INVALID_FIELD = "amqp:invalid-field"
    FRAMING_ERROR = "amqp:connection:framing-error"
    MESSAGE_TOO_LARGE = "amqp:link:message-size-exceeded"
    LINK_STOLEN = "amqp:link:stolen"
    ARGUMENT_ERROR = "com.microsoft:argument-error"
    ARGUMENT_OUT_OF_RANGE = "com.microsoft:argument-out-of-range"


class AmqpError(Exception):
    """A refusal that the client reads: a condition and one sentence (section 2.8.14)."""

    def __init__(self, condition: Condition, description: str) -> None:
        super().__init__(description)
        self.condition = condition
        self.description = description


class DecodeError(ValueError):
    """Bytes that are no valid AMQP encoding."""


class StartError(Exception):
    """The server cannot start. The message is one sentence that says what to do."""
