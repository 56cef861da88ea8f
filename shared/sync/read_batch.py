"""Read a batch: bytes → records and rejections. Pure; the database is not needed to read."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any

from shared.sync.errors import EventRejected, SiteUnknown
from shared.sync.events import CONTRACTS
from shared.sync.events.contract import Defaults, Reader, Stream
from shared.sync.events.decode import decode_body
from shared.sync.events.values import free_text, instant_text
from shared.sync.model import Event, EventBatch, Record, Rejection, revision_of

_CORRELATION_PROPERTIES = ("x-correlation-id", "traceparent")


@dataclass
class ReadBatch:
    """What a batch says: its records, what cannot be applied, and what was noticed on the way."""

    batch: EventBatch
    records: list[Record] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    repeated: int = 0
    versions_missing: int = 0
    alias_hits: Counter[str] = field(default_factory=Counter)
    unknown_fields: int = 0


@lru_cache(maxsize=8)
def reader_of(stream: Stream, defaults: Defaults) -> Reader:
    """The reader of a stream's contract; building one is dear, so each is built once."""
    contract = next(c for c in CONTRACTS if c.stream == stream)
    return Reader(contract, defaults)


def read_batch(batch: EventBatch, defaults: Defaults, tolerance: timedelta) -> ReadBatch:
    """Read every event once; a sequence number that stands twice in the batch is read the first time only."""
    reader = reader_of(batch.stream, defaults)
    read = ReadBatch(batch)
    seen: set[int] = set()
    enqueued_at, enqueued, latest = None, "", ""
    for index, event in enumerate(batch.events):
        if event.sequence_number in seen:
            read.repeated += 1
            continue
        seen.add(event.sequence_number)
        if event.enqueued_at != enqueued_at:
            enqueued_at = event.enqueued_at
            enqueued, latest = instant_text(enqueued_at), instant_text(enqueued_at + tolerance)
        try:
            _read_event(read, reader, index, event, enqueued, latest)
        except EventRejected as error:
            read.rejections.append(Rejection(event, error, _correlation(event.properties)))
    return read


def _read_event(
    read: ReadBatch, reader: Reader, index: int, event: Event, enqueued: str, latest: str
) -> None:
    parsed = reader.read_usual(event.body, latest) or reader.read(decode_body(event.body), latest)
    revision = revision_of(parsed, enqueued, event.sequence_number)
    correlation = parsed.correlation_id or (_correlation(event.properties) or "" if event.properties else "")
    read.records.append(Record(parsed.business[0], revision, parsed.business, correlation, index))
    if not parsed.updated_at and not parsed.version:
        read.versions_missing += 1
    if parsed.alias_hits:
        read.alias_hits.update(parsed.alias_hits)
    read.unknown_fields += parsed.unknown_fields


def _correlation(properties: Any) -> str | None:
    """The correlation id the transport carries; one we could not store is as good as none."""
    for name in _CORRELATION_PROPERTIES:
        value = properties.get(name)
        if isinstance(value, str):
            try:
                # UnicodeEncodeError, which a lone surrogate raises, is a ValueError too.
                if (found := free_text(value)) and found.encode():
                    return found
            except ValueError:
                continue
    return None


def refuse_unknown_sites(read: ReadBatch, active: frozenset[str]) -> None:
    """Move the records of sites that are not registered, or not active, to the rejections."""
    column = site_column(read.batch.stream)
    if {record.business[column] for record in read.records} <= active:
        return
    known = [r for r in read.records if r.business[column] in active]
    for record in read.records:
        if record.business[column] not in active:
            event = read.batch.events[record.event_index]
            error = SiteUnknown(
                f"site {record.business[column]!r} is not registered or not active", "site_id"
            )
            read.rejections.append(Rejection(event, error, record.correlation_id or None))
    read.records = known


def site_column(stream: Stream) -> int:
    """The place of site_id among a stream's business columns."""
    return next(c for c in CONTRACTS if c.stream == stream).business_columns.index("site_id")
