"""Rows as they are told to callers."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any


def told(row: Iterable[Any]) -> list[Any]:
    """The values of a row, times as text in UTC with six decimals; texts of such times sort as the times do."""
    return [_text(each) if isinstance(each, datetime) else each for each in row]


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
