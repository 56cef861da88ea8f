"""Load a dump: each batch of lines is one transaction that also moves the run, so a killed one goes on where it was.

Lines go through the same reading and the same upsert as events. They have no enqueued time and no sequence number, so
a live event wins over a line where neither says a revision. Bad lines become dead letters with their number.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import BinaryIO

from sqlalchemy import Connection

from shared.adapters.dumps import identify, is_address, open_dump
from shared.database.refusals import RowRefusal, row_refusals
from shared.pairing.store import repair_pairs
from shared.runtime import Runtime
from shared.sync import store as sync
from shared.sync.dumps import store
from shared.sync.dumps.errors import DumpUnreadable
from shared.sync.dumps.lines import Rows, pass_over, records, unpacked
from shared.sync.dumps.model import Counts, Dump, Line, Loaded, Run, Wish
from shared.sync.dumps.read_lines import explained, read_lines
from shared.sync.events.contract import Defaults
from shared.sync.isolate_rows import WAYS, refuse_rows, refused_rows
from shared.sync.model import Outcome, Rejection
from shared.sync.read_batch import ReadBatch, reader_of, refuse_unknown_sites
from shared.sync.write_batch import LETTERS, UNTOLD, note_findings, write_records

BATCH_BYTES_MAX = 8 * 1024 * 1024
REJECTIONS_SHOWN = 10
# What a line has instead of a place in a hub.
NOWHERE = sync.Position(None, 1, None, None)
# Told after each batch: the run, and how many bytes of the file as it lies there have been read.
OnBatch = Callable[[Run, int], None]


def _tell_nobody(_run: Run, _read: int) -> None:
    return None


class _TooManyBad(Exception):
    """The batch in hand passes the limit; it was rolled back."""


def load_dump(runtime: Runtime, wish: Wish, on_batch: OnBatch = _tell_nobody) -> Loaded:
    """Load what is not loaded yet. A dry run does all but keep it.

    Raises DumpUnreadable, DumpElsewhere or DatabaseUnavailable; what was loaded before stays loaded.
    """
    with _readable(wish):
        dump = Dump(*identify(wish.location))
        run = _begin(runtime, dump, wish)
        return _Loading(runtime, wish, run).load(on_batch)


@contextmanager
def _readable(wish: Wish) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        where = "the address" if is_address(wish.location) else wish.location
        raise DumpUnreadable(f"{where} cannot be read: {error}") from error


def _begin(runtime: Runtime, dump: Dump, wish: Wish) -> Run:
    now = runtime.clock.now()
    if wish.dry_run:
        return Run(0, dump, now)
    with runtime.database.transaction() as connection:
        return store.begin_run(connection, dump, wish, runtime.settings.event_profile, now)


class _Loading:
    """One loading under way."""

    def __init__(self, runtime: Runtime, wish: Wish, run: Run) -> None:
        settings = runtime.settings
        self._runtime, self._wish, self._run = runtime, wish, run
        self._profile = settings.event_profile
        self._defaults = Defaults(settings.event_default_currency, settings.event_default_site_id)
        self._tolerance = timedelta(seconds=settings.event_time_tolerance_seconds)
        self._reader = reader_of(wish.stream, self._defaults, self._profile)
        self._rows: Rows | None = None
        self._rejections: list[Rejection] = []

    def load(self, on_batch: OnBatch) -> Loaded:
        """To the end of the file, or until too many lines are bad."""
        resumed_at = self._run.position_line
        over_limit = False
        with open_dump(self._wish.location) as file:
            on_batch(self._run, 0)
            try:
                for batch, raw in self._batches(file):
                    self._take(batch)
                    on_batch(self._run, raw)
            except _TooManyBad:
                over_limit = True
        if not self._wish.dry_run and not over_limit:
            with self._runtime.database.transaction() as connection:
                store.finish_run(connection, self._run, self._runtime.clock.now())
        over_limit |= self._run.counts.dead_lettered > self._wish.rejects_max
        return Loaded(self._run, resumed_at, over_limit, tuple(self._rejections[:REJECTIONS_SHOWN]))

    def _batches(self, file: BinaryIO) -> Iterator[tuple[list[Line], int]]:
        """Lines not loaded yet, in batches bounded in number and in bytes; and how far the file was read."""
        data = unpacked(file, self._run.dump.name)
        begin, number = self._run.position_bytes, self._run.position_line
        behind = 0
        if self._wish.format != "ndjson":
            header = self._header(data)
            begin, number, behind = max(begin, header.end), max(number, header.lines), header.end
        pass_over(data, begin - behind)
        batch: list[Line] = []
        size = 0
        for line in records(data, self._wish.format, begin, number):
            batch.append(line)
            size += len(line.data)
            if len(batch) >= self._wish.batch_lines or size >= BATCH_BYTES_MAX:
                yield batch, file.tell() if file.seekable() else line.end
                batch, size = [], 0
        if batch:
            yield batch, self._run.dump.size

    def _header(self, data: BinaryIO) -> Line:
        header = next(records(data, self._wish.format), None)
        if header is None:
            raise DumpUnreadable(f"{self._run.dump.name} is empty: it has no header")
        self._rows = Rows(header.data, self._wish.format, self._reader)
        return header

    def _take(self, lines: list[Line]) -> None:
        """One transaction, and once more without the rows that the database refuses."""
        reading = (self._defaults, self._tolerance, self._profile)
        read = read_lines(lines, self._run, self._wish, self._rows, reading)
        while True:
            try:
                self._run = self._write(read, lines)
                break
            except RowRefusal:
                if not self._refuse(read):
                    raise
        self._rejections += read.rejections[: REJECTIONS_SHOWN - len(self._rejections)]

    def _refuse(self, read: ReadBatch) -> bool:
        """Find the rows the database refuses; whether there are any."""
        for write in WAYS:
            with self._runtime.database.rehearsal() as connection:
                (refused,) = refused_rows(connection, [read], [NOWHERE], write, self._runtime.clock.now())
            if refused:
                refuse_rows(read, refused)
                return True
        return False

    def _write(self, read: ReadBatch, lines: list[Line]) -> Run:
        database, now = self._runtime.database, self._runtime.clock.now()
        opened = database.rehearsal() if self._wish.dry_run else database.transaction()
        with row_refusals(), opened as connection:
            refuse_unknown_sites(read, store.fetch_active_sites(connection))
            after = self._written(connection, read, lines, now)
            if not self._wish.dry_run:
                if after.counts.dead_lettered > self._wish.rejects_max:
                    self._rejections += read.rejections[: REJECTIONS_SHOWN - len(self._rejections)]
                    raise _TooManyBad
                store.move_run(connection, self._run, after, now)
        return after

    def _written(self, connection: Connection, read: ReadBatch, lines: list[Line], now: datetime) -> Run:
        written = write_records(connection, read, NOWHERE, now)
        repair_pairs(connection, sorted(written.orders))
        if read.rejections:
            bad = explained(read.rejections, lines, self._run, self._wish)
            sync.insert_dead_letters(connection, read.batch, 1, bad, self._profile, now)
        note_findings(connection, written, now)
        told = {outcome.value: written.letters.count(LETTERS[outcome]) for outcome in Outcome}
        counts = Counts(read=len(lines), skipped=written.letters.count(UNTOLD), **told)
        last = lines[-1]
        return self._run.moved(last.end, last.number + last.lines - 1, self._run.counts.plus(counts))
