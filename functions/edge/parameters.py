"""Query parameters: what each takes, and whether its value may stand in the access record.

What names a person, a wallet or a payment, and free text, is never kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """One query parameter: its JSON schema, what it means, and whether its value is kept."""

    schema: Mapping[str, Any]
    description: str
    kept: bool = False


KEPT_CHARACTERS_MAX = 64
_ID = {"type": "string", "minLength": 1, "maxLength": 200}
_NAME = {"type": "string", "minLength": 1, "maxLength": 200}
_INSTANT = {"type": "string", "format": "date-time"}
_INSTANT_OR_PLACE = {"anyOf": [_INSTANT, {"type": "integer", "minimum": 1}]}
_YES_OR_NO = {"type": "string", "enum": ["true", "false"]}

PARAMETERS: Mapping[str, Parameter] = {
    "limit": Parameter({"type": "integer", "minimum": 1}, "How many rows a page has.", True),
    "cursor": Parameter({"type": "string", "minLength": 1}, "`next` of the page before."),
    "id": Parameter(_ID, "The id, where it cannot stand in the path."),
    "from": Parameter(
        _INSTANT_OR_PLACE, "The earliest time, with its offset; of a chain, the first position.", True
    ),
    "to": Parameter(
        _INSTANT_OR_PLACE, "The latest time, with its offset; of a chain, the last position.", True
    ),
    "entry_type": Parameter({"type": "string", "maxLength": 40}, "The type of the entries.", True),
    "status_group": Parameter(_NAME, "The status group of the order.", True),
    "merchant": Parameter(_NAME, "The merchant's id, or its name for callers who see names."),
    "older_than": Parameter(
        {"type": "string", "maxLength": 40},
        "How long it lasts at least, as an ISO 8601 duration: PT15M.",
        True,
    ),
    "anomaly": Parameter(_NAME, "Which anomaly it shows.", True),
    "principal_id": Parameter(_ID, "The person or service."),
    "unreviewed": Parameter(_YES_OR_NO, "Only break-glass grants that wait for their review.", True),
    "state": Parameter(_NAME, "Where it stands.", True),
    "kind": Parameter(_NAME, "Of which kind it is.", True),
    "target_type": Parameter(_NAME, "What it is about.", True),
    "target_id": Parameter(_ID, "The id of what it is about."),
    "chain": Parameter(
        {"type": "string", "enum": ["control", "access"]}, "The chain; control without it.", True
    ),
    "actor": Parameter(_NAME, "Who acted, as the record names it."),
    "action": Parameter(_NAME, "What was done.", True),
    "site": Parameter(_NAME, "At which site.", True),
    "outcome": Parameter(
        {"type": "string", "enum": ["DONE", "DENIED", "FAILED"]}, "What became of it.", True
    ),
    "request_id": Parameter(_NAME, "The correlation id of a request."),
    "resource": Parameter(_NAME, "Which endpoint was asked.", True),
}


def kept_query(query: Mapping[str, str]) -> dict[str, str]:
    """What of a query may be kept; of the rest only that it was there."""
    return {
        name: value[:KEPT_CHARACTERS_MAX] if name in PARAMETERS and PARAMETERS[name].kept else ""
        for name, value in query.items()
    }
