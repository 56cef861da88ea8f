"""Identifiers as a port: random in production, counted in tests."""

import uuid
from dataclasses import dataclass
from typing import Protocol


class Ids(Protocol):
    """What gives identifiers."""

    def new(self) -> str:
        """A fresh identifier, unique for ever, safe in a URL path."""
        ...


@dataclass(frozen=True)
class RandomIds:
    """Random UUIDs without dashes."""

    def new(self) -> str:
        return uuid.uuid4().hex
