"""Find the rows PostgreSQL itself refuses, by savepoints and halving. What is written on the way is rolled back.

Which statements can an event's own values make fail?
- The upsert, with the evidence it writes in the same statement: types, NOT NULL, CHECKs, limits of an index row.
- The pairs of the orders it touches, and its findings: they hold values the upsert has taken, but have rules of
  their own.
- Not the classification of what changed nothing: it reads, and casts only what the upsert has cast before.
- Not dead letters and positions: what they hold of an event is made storable first. Were one refused all the same,
  the batch is held; an event that cannot even be quarantined must not be passed over.

So the upserts are tried first, and with the rest only when all of them pass. In the first try, the usual one, rows
are locked in key order; in the second, entries are locked between pairs, and a deadlock is possible: it raises.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from shared.database.refusals import RowRefusal, row_refusals
from shared.pairing.store import repair_pairs
from shared.sync import store
from shared.sync.errors import RowRefused
from shared.sync.model import Record, Rejection, greatest_per_key
from shared.sync.read_batch import ReadBatch
from shared.sync.write_batch import Written, note_findings, write_records

# An event's place in its batch, and why its row was refused.
Refused = dict[int, RowRefusal]
Write = Callable[[Connection, ReadBatch, store.Position, datetime], object]


def write_with_pairs(
    connection: Connection, read: ReadBatch, position: store.Position, now: datetime
) -> Written:
    """All that a row's values can make fail."""
    written = write_records(connection, read, position, now)
    repair_pairs(connection, sorted(written.orders))
    note_findings(connection, written, now)
    return written


# The ways of writing to search in, one after the other, each in a transaction of its own.
WAYS: tuple[Write, ...] = (write_records, write_with_pairs)


def refused_rows(
    connection: Connection,
    reads: Sequence[ReadBatch],
    positions: Sequence[store.Position],
    write: Write,
    now: datetime,
) -> list[Refused]:
    """What of each batch the database refuses to that way of writing; roll the transaction back afterwards."""
    return [
        _Search(connection, read, position, write, now).refused()
        for read, position in zip(reads, positions, strict=True)
    ]


def refuse_rows(read: ReadBatch, refused: Refused) -> None:
    """Move the events to the rejections; a split event goes with all its records."""
    links = {r.event_index: r.correlation_id for r in read.records if r.event_index in refused}
    for place, refusal in sorted(refused.items()):
        error = RowRefused(str(refusal), refusal.subject)
        read.rejections.append(Rejection(read.batch.events[place], error, links[place] or None))
    read.records = [record for record in read.records if record.event_index not in refused]


@dataclass
class _Search:
    """One batch's search. What passes stays written, so that two rows that only together are refused are found."""

    connection: Connection
    read: ReadBatch
    position: store.Position
    write: Write
    now: datetime
    found: Refused = field(default_factory=dict)
    records: dict[str, list[Record]] = field(default_factory=dict)

    def refused(self) -> Refused:
        """Search the whole batch."""
        for record in self.read.records:
            self.records.setdefault(record.key, []).append(record)
        self._among(sorted(self.records))
        return self.found

    def _among(self, keys: Sequence[str]) -> None:
        """Keep what passes and halve what does not, the smaller keys first: rows are locked in key order."""
        if len(keys) == 1:
            self._one(keys[0])
        elif keys and self._refusal([record for key in keys for record in self.records[key]]):
            middle = len(keys) // 2
            self._among(keys[:middle])
            self._among(keys[middle:])

    def _one(self, key: str) -> None:
        """The greatest revision of a key meets the store; where it is refused, the next one does."""
        records = self.records[key]
        while records and (refusal := self._refusal(records)):
            place = greatest_per_key(records).winners[key].event_index
            self.found[place] = refusal
            records = [record for record in records if record.event_index != place]

    def _refusal(self, records: list[Record]) -> RowRefusal | None:
        part = replace(self.read, records=records, rejections=[])
        try:
            with row_refusals(), self.connection.begin_nested():
                self.write(self.connection, part, self.position, self.now)
        except RowRefusal as refusal:
            return refusal
        return None
