"""Read a batch: bytes → records and rejections. Pure; the database is not needed to read."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, lru_cache, partial
from operator import attrgetter
from typing import Any

from shared.sync.errors import EventRejected, SiteUnknown
from shared.sync.events import CONTRACTS
from shared.sync.events.contract import Defaults, Stream
from shared.sync.events.reader import EventReader
from shared.sync.events.usual import Usual
from shared.sync.events.values import free_text, instant_text
from shared.sync.model import Event, EventBatch, Record, Rejection, Revision, revision_of
from shared.sync.profiles.load_profile import CANONICAL, load_profile

_CORRELATION_PROPERTIES = ("x-correlation-id", "traceparent")
_properties = attrgetter("properties")
# What `_make` does, without a Python frame per event; the tuples' lengths are known here.
_new_revision: Callable[[Iterable[Any]], Revision] = partial(tuple.__new__, Revision)
_new_record: Callable[[Iterable[Any]], Record] = partial(tuple.__new__, Record)


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
    site_times: dict[str, str] = field(default_factory=dict)


@lru_cache(maxsize=16)
def reader_of(stream: Stream, defaults: Defaults, profile: str = CANONICAL) -> EventReader:
    """The reader of a stream's contract in a dialect; building one is dear, so each is built once."""
    contract = next(c for c in CONTRACTS if c.stream == stream)
    return EventReader(contract, defaults, load_profile(profile).of(stream))


def read_batch(
    batch: EventBatch, defaults: Defaults, tolerance: timedelta, profile: str = CANONICAL
) -> ReadBatch:
    """Read every event once; a sequence number that stands twice in the batch is read the first time only."""
    read = ReadBatch(batch)
    places = _first_places(batch.events)
    read.repeated = len(batch.events) - len(places)
    if not places:
        return read
    reader = reader_of(batch.stream, defaults, profile)
    odd, bare = _read_usual(read, reader, places, tolerance) if reader.usual else (places, True)
    if odd:
        apart = set(odd)
        read.records = [record for record in read.records if record.event_index not in apart]
        for place in odd:
            _read_carefully(read, reader, place, tolerance)
        read.records.sort(key=attrgetter("event_index"))
    if odd or bare:
        without = {record.event_index for record in read.records if record.revision[:2] == ("", -1)}
        read.versions_missing = len(without)
    return read


def _read_usual(
    read: ReadBatch, reader: EventReader, places: Sequence[int], tolerance: timedelta
) -> tuple[Sequence[int], bool]:
    """Read what is written the usual way; the places of all other events, and whether one has no updated_at."""
    assert reader.usual is not None, "asked for where there is a fast way"
    events = [read.batch.events[place] for place in places]
    # Usual is what keeps to the bound of the earliest; of the others each is held to its own, the careful way.
    latest = instant_text(min(event.enqueued_at for event in events) + tolerance)
    usual = reader.usual.read([event.body for event in events], latest)
    read.records = _records(usual, events, places)
    return sorted(places[i] for i in usual.odd), "" in usual.updated_at


def _first_places(events: Sequence[Event]) -> Sequence[int]:
    numbers = [event.sequence_number for event in events]
    if len(set(numbers)) == len(numbers):
        return range(len(numbers))
    first = {number: place for place, number in reversed(list(enumerate(numbers)))}
    return sorted(first.values())


def _records(usual: Usual, events: Sequence[Event], places: Sequence[int]) -> list[Record]:
    """One record per event, those of the odd ones included."""
    versions = [int(version) if version else -1 for version in usual.versions]
    numbers = [event.sequence_number for event in events]
    parts = zip(usual.updated_at, versions, _enqueued(events), numbers, usual.digests, strict=True)
    links = usual.correlation_ids
    if any(map(_properties, events)):
        pairs = zip(links, events, strict=True)
        links = [link or _correlation(event.properties) or "" for link, event in pairs]
    keys = [row[0] for row in usual.business]
    revisions = map(_new_revision, parts)
    return list(map(_new_record, zip(keys, revisions, usual.business, links, places, strict=True)))


def _enqueued(events: Sequence[Event]) -> list[str]:
    texts: list[str] = []
    standing, text = None, ""
    for event in events:
        # Events of one moment stand together, and a text is dearer than a comparison.
        if event.enqueued_at != standing:
            standing, text = event.enqueued_at, instant_text(event.enqueued_at)
        texts.append(text)
    return texts


def _read_carefully(read: ReadBatch, reader: EventReader, place: int, tolerance: timedelta) -> None:
    event = read.batch.events[place]
    try:
        records = reader.read(event.body, instant_text(event.enqueued_at + tolerance))
    except EventRejected as error:
        read.rejections.append(Rejection(event, error, _correlation(event.properties)))
        return
    for parsed in records:
        revision = revision_of(parsed, instant_text(event.enqueued_at), event.sequence_number)
        correlation = parsed.correlation_id or _correlation(event.properties) or ""
        read.records.append(Record(parsed.business[0], revision, parsed.business, correlation, place))
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
    # Records stand in the order of the hub: of a site the last is the newest.
    read.site_times = {record.business[column]: record.revision.enqueued_at for record in read.records}
    if read.site_times.keys() <= active:
        return
    read.site_times = {site: at for site, at in read.site_times.items() if site in active}
    apart: dict[int, Record] = {}
    for record in read.records:
        if record.business[column] not in active:
            apart.setdefault(record.event_index, record)
    # An event that was split is one event: where one of its records has no site, none is taken.
    read.records = [record for record in read.records if record.event_index not in apart]
    for place, record in apart.items():
        told = f"site {record.business[column]!r} is not registered or not active"
        error, link = SiteUnknown(told, "site_id"), record.correlation_id or None
        read.rejections.append(Rejection(read.batch.events[place], error, link))


_TIME_FIELD: dict[Stream, str] = {"ledger": "event_time", "payment_order": "created_at"}


@cache
def time_column(stream: Stream) -> int:
    """The place of the business time among a stream's business columns."""
    return next(c for c in CONTRACTS if c.stream == stream).business_columns.index(_TIME_FIELD[stream])


@cache
def site_column(stream: Stream) -> int:
    """The place of site_id among a stream's business columns."""
    return next(c for c in CONTRACTS if c.stream == stream).business_columns.index("site_id")
