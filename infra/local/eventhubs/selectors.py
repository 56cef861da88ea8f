"""Start positions: the selector filter that a receiver puts on its source."""

import re

from infra.local.eventhubs.errors import AmqpError, Condition
from infra.local.eventhubs.log import PartitionLog

_SELECTOR = re.compile(
    r"\s*amqp\.annotation\.x-opt-(offset|sequence-number|enqueued-time|enqueuedtimeutc)"
    r"\s*(>=?)\s*'?([^']*?)'?\s*"
)
LATEST = "@latest"
_BEGINNING = ("-1", "")


def start_sequence(log: PartitionLog, selector: str | None) -> int:
    """The number of the first event a receiver gets.

    No selector means the beginning; a place before the oldest event kept means the oldest event kept.
    Raises AmqpError (argument-error) for a place after the last event, as the service does: the log it was
    taken from is not this one. Raises AmqpError (invalid-field) for a filter that is not understood.
    """
    if not selector:
        return log.begin_sequence
    match = _SELECTOR.fullmatch(selector)
    if match is None:
        raise AmqpError(Condition.INVALID_FIELD, f"The filter '{selector}' is not understood.")
    kind, operator, value = match.groups()
    if value == LATEST:
        return log.next_sequence
    if kind == "offset" and value in _BEGINNING:
        return log.begin_sequence
    try:
        number = int(float(value)) if "." in value else int(value)
    except ValueError:
        raise AmqpError(Condition.INVALID_FIELD, f"The filter value '{value}' is no number.") from None
    return max(log.begin_sequence, _find(log, kind, number, inclusive=operator == ">="))


def _find(log: PartitionLog, kind: str, number: int, inclusive: bool) -> int:
    if kind == "sequence-number":
        wanted = number if inclusive else number + 1
        if wanted > log.next_sequence:
            raise _beyond("sequence number", number, log.next_sequence - 1)
        return wanted
    if kind == "offset":
        last = log.properties().last_offset
        if number > last:
            raise _beyond("offset", number, last)
        return log.sequence_from_offset(number, inclusive)
    return log.sequence_from_time(number, inclusive)


def _beyond(what: str, supplied: int, last: int) -> AmqpError:
    text = f"The supplied {what} '{supplied}' is invalid. The last {what} in the system is '{last}'"
    return AmqpError(Condition.ARGUMENT_ERROR, text)
