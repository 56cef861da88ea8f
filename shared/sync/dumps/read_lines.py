"""A batch of lines → what it says, as a batch of events says it; pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from shared.sync.dumps.lines import Rows
from shared.sync.dumps.model import Line, Run, Wish
from shared.sync.errors import LineInvalid
from shared.sync.events.contract import Defaults
from shared.sync.model import Event, EventBatch, Record, Rejection
from shared.sync.read_batch import ReadBatch, read_batch, time_column


def read_lines(
    lines: Sequence[Line],
    run: Run,
    wish: Wish,
    rows: Rows | None,
    reading: tuple[Defaults, timedelta, str],
) -> ReadBatch:
    """The records of the lines within the wished times, and the bad lines.

    Times are held to the start of the run as those of events are to their arrival: a resumed run decides the same.
    """
    bodies: list[bytes] = []
    bad: dict[int, LineInvalid] = {}
    for place, line in enumerate(lines):
        try:
            bodies.append(rows.body(line) if rows else line.data)
        except LineInvalid as error:
            bodies.append(line.data)
            bad[place] = error
    events = [
        Event(body, line.number, run.started_at, str(line.begin))
        for body, line in zip(bodies, lines, strict=True)
    ]
    # A line of CSV becomes other bytes in another dialect: then it is another place.
    part = f"{wish.stream}.{reading[2]}.{wish.format}"
    read = read_batch(EventBatch(wish.stream, run.dump.place, "", part, events), *reading)
    if bad:
        _set_apart(read, bad)
    read.records = [_without_arrival(record) for record in read.records if _is_wanted(record, wish)]
    return read


def _set_apart(read: ReadBatch, bad: dict[int, LineInvalid]) -> None:
    numbers = {read.batch.events[place].sequence_number for place in bad}
    read.records = [record for record in read.records if record.event_index not in bad]
    read.rejections = [each for each in read.rejections if each.event.sequence_number not in numbers]
    read.rejections += [Rejection(read.batch.events[place], error, None) for place, error in bad.items()]


def _is_wanted(record: Record, wish: Wish) -> bool:
    at = record.business[time_column(wish.stream)]
    return wish.since <= at and (not wish.until or at < wish.until)


def _without_arrival(record: Record) -> Record:
    """A line stands below every event that a hub delivered."""
    return record._replace(revision=record.revision._replace(enqueued_at="", sequence_number=-1))


def explained(
    rejections: Sequence[Rejection], lines: Sequence[Line], run: Run, wish: Wish
) -> list[Rejection]:
    """Bad lines with where they stood, so that a person finds them in the file."""
    lengths = {line.number: line.length for line in lines}
    found = []
    for each in rejections:
        number = each.event.sequence_number
        facts = {"file": run.dump.name, "line": number, "bytes": lengths[number], "format": wish.format}
        found.append(replace(each, event=replace(each.event, properties=facts)))
    return found
