"""What a profile file can say, key by key. A key that is not here is refused.

A name of a producer is a key of the row, a path into it (`amount.value`), or a path from the whole message (`$.op`).
"""

from typing import Annotated, Literal

import msgspec

from shared.sync.events.contract import Stream

Path = Annotated[
    str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\A(\$\.)?[^.\s$]+(\.[^.\s$]+){0,15}\Z")
]
ProfileName = Annotated[str, msgspec.Meta(pattern=r"\A[a-z][a-z0-9-]{0,39}\Z")]
HubName = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,254}\Z")]
KeyCase = Literal["snake_case", "camelCase", "PascalCase", "kebab-case", "UPPER_CASE"]
TimeFormat = Literal["iso8601", "epoch_s", "epoch_ms", "epoch_us"]
Names = dict[str, tuple[Path, ...]]
Suffix = Annotated[str, msgspec.Meta(min_length=1, max_length=20, pattern=r"\A[!-~]+\Z")]


class Operation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a message says what happened to the row, and which of its words are taken; any other is refused."""

    at: Annotated[tuple[Path, ...], msgspec.Meta(min_length=1)]
    taken: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the records an event is split into: what is added to its key, and what it reads otherwise."""

    suffix: Suffix
    names: Names = {}
    constants: dict[str, str] = {}


class StreamProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the events of one stream are read."""

    hub: HubName
    envelope: tuple[Path, ...] = ()
    operation: Operation | None = None
    key_case: KeyCase = "snake_case"
    names: Names = {}
    fallbacks: Names = {}
    time_format: TimeFormat = "iso8601"
    time_formats: dict[str, TimeFormat] = {}
    values: dict[str, dict[str, str]] = {}
    constants: dict[str, str] = {}
    split: tuple[Part, ...] = ()
    ignored: tuple[str, ...] = ()


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dialect: both streams of it."""

    name: ProfileName
    meaning: Annotated[str, msgspec.Meta(min_length=1)]
    ledger: StreamProfile
    payment_order: StreamProfile

    def of(self, stream: Stream) -> StreamProfile:
        """A stream's part."""
        return self.ledger if stream == "ledger" else self.payment_order
