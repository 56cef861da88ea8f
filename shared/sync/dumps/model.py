"""A dump, a run that loads it, and what became of its lines: pure data."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, NamedTuple

from shared.sync.events.contract import Stream
from shared.sync.model import Rejection

Format = Literal["ndjson", "csv", "csv-semicolon", "tsv"]
FORMATS: tuple[Format, ...] = ("ndjson", "csv", "csv-semicolon", "tsv")
DELIMITERS: Mapping[Format, str] = {"csv": ",", "csv-semicolon": ";", "tsv": "\t"}
# In place of a hub: no hub's name may have a colon.
PLACE = "backfill:"


@dataclass(frozen=True)
class Wish:
    """What to load: which file, as which stream, how written, and from which event time to which (the end excluded)."""

    location: str
    stream: Stream
    format: Format
    since: str = ""
    until: str = ""
    rejects_max: int = 100
    batch_lines: int = 5_000
    who: str = ""
    dry_run: bool = False


class Dump(NamedTuple):
    """A file's identity."""

    name: str
    sha256: bytes
    size: int

    @property
    def place(self) -> str:
        """Where its bad lines come from; the same file is the same place, whoever loads it."""
        return PLACE + self.sha256.hex()[:16]


class Counts(NamedTuple):
    """What became of lines; read is the sum of the others. Blank lines are none."""

    read: int = 0
    applied: int = 0
    superseded: int = 0
    duplicate: int = 0
    dead_lettered: int = 0
    skipped: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Run:
    """One loading of a dump: how far it is, in bytes of the unpacked file and in lines."""

    run_id: int
    dump: Dump
    started_at: datetime
    position_bytes: int = 0
    position_line: int = 0
    counts: Counts = field(default_factory=Counts)

    def moved(self, position_bytes: int, position_line: int, counts: Counts) -> "Run":
        """The run after one more batch."""
        return replace(self, position_bytes=position_bytes, position_line=position_line, counts=counts)


@dataclass(frozen=True)
class Loaded:
    """How a loading ended: `over_limit` when it stopped because too many lines are bad."""

    run: Run
    resumed_at: int
    over_limit: bool
    rejections: tuple[Rejection, ...]


class Line(NamedTuple):
    """One record of a dump: the number of its first line, where it begins and ends, and its bytes without line end.

    `length` is what it had; of a record that is far too long the rest is not kept.
    """

    number: int
    begin: int
    end: int
    data: bytes
    length: int
    lines: int = 1
