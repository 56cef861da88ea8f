"""The records of a dump, one at a time, each with its place; memory does not grow with the file."""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, cast

from shared.sync.dumps.errors import DumpUnreadable
from shared.sync.dumps.model import DELIMITERS, Format, Line
from shared.sync.errors import LineInvalid
from shared.sync.events.reader import EventReader
from shared.sync.events.values import BODY_BYTES_MAX

_BOM = b"\xef\xbb\xbf"
_PART_BYTES = 1 << 16


def unpacked(file: BinaryIO, name: str) -> BinaryIO:
    """The bytes of a file that may be packed with gzip, as its name says."""
    return cast("BinaryIO", gzip.GzipFile(fileobj=file)) if name.endswith(".gz") else file


def pass_over(file: BinaryIO, count: int) -> None:
    """Read what was loaded before. Raises DumpUnreadable when the file is shorter."""
    while count:
        part = file.read(min(count, _PART_BYTES))
        if not part:
            raise DumpUnreadable("the file ends before the place where the run stands")
        count -= len(part)


def records(file: BinaryIO, format_: Format, begin: int = 0, lines: int = 0) -> Iterator[Line]:
    """The records from a place on; blank ones are passed over."""
    spanning = _spanning(file, begin, lines) if format_ != "ndjson" else _lines(file, begin, lines)
    for line in spanning:
        if line.data.strip():
            yield line


def _lines(file: BinaryIO, begin: int, number: int) -> Iterator[Line]:
    while data := file.readline(BODY_BYTES_MAX + 2):
        number += 1
        length = len(data)
        while not data.endswith(b"\n") and (rest := file.readline(_PART_BYTES)):
            length += len(rest)
            if rest.endswith(b"\n"):
                break
        kept = data.removeprefix(_BOM) if not begin else data
        yield Line(number, begin, begin + length, kept.rstrip(b"\r\n"), length)
        begin += length


def _spanning(file: BinaryIO, begin: int, number: int) -> Iterator[Line]:
    """Records of CSV: a line with an open quote goes on in the next one.

    A quote that is never closed would take in the rest of the file. A record longer than any event is therefore one
    bad line, and reading goes on behind it.
    """
    held: list[Line] = []
    for line in _lines(file, begin, number):
        held.append(line)
        while held:
            record = _closed(held)
            if record is None:
                break
            yield record
    yield from held


def _closed(held: list[Line]) -> Line | None:
    """The record at the beginning of the lines, taken out of them; None while its end has not come."""
    quotes, length = 0, 0
    for place, line in enumerate(held):
        quotes += line.data.count(b'"')
        length += line.length
        if length > BODY_BYTES_MAX:
            return held.pop(0)
        if quotes % 2 == 0:
            first, data = held[0], b"\n".join(each.data for each in held[: place + 1])
            del held[: place + 1]
            return Line(first.number, first.begin, line.end, data, line.end - first.begin, place + 1)
    return None


class Rows:
    """Records of CSV as the JSON objects they say, by the names of the header."""

    def __init__(self, header: bytes, format_: Format, reader: EventReader) -> None:
        self._delimiter = DELIMITERS[format_]
        self._reader = reader
        try:
            self._names = [name.strip() for name in self._cells(header)]
        except LineInvalid as error:
            raise DumpUnreadable(f"the first line is no header: {error.detail}") from error
        if len(set(self._names)) < len(self._names) or not all(self._names):
            raise DumpUnreadable("the first line is no header: a name is blank or stands twice")

    def body(self, line: Line) -> bytes:
        """The event a record stands for. Raises LineInvalid."""
        cells = self._cells(line.data)
        if len(cells) != len(self._names):
            raise LineInvalid(f"the line has {len(cells)} cells, and the header {len(self._names)}")
        row: dict[str, Any] = {}
        for name, cell in zip(self._names, cells, strict=True):
            if cell:
                _put(row, name, cell)
        return json.dumps(self._reader.wrapped(row), ensure_ascii=False).encode()

    def _cells(self, data: bytes) -> Sequence[str]:
        if len(data) > BODY_BYTES_MAX:
            raise LineInvalid("the line is longer than an event may be")
        try:
            text = io.StringIO(data.decode(), newline="")
            found = list(csv.reader(text, delimiter=self._delimiter, strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise LineInvalid(f"the line is no CSV in UTF-8: {error}") from None
        if len(found) != 1:
            raise LineInvalid("a quote stands where it ends nothing")
        return found[0]


def _put(row: dict[str, Any], name: str, cell: str) -> None:
    """A header may name a path, as a profile does."""
    *path, last = name.split(".")
    for key in path:
        row = row.setdefault(key, {})
        if not isinstance(row, dict):
            raise LineInvalid(f"{name} is inside of a column that holds a text")
    row[last] = cell
