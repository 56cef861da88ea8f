"""One file of a partition's log: a header, then records that are only ever appended.

A record carries its length, a checksum, its number, its time, and how many records of the same publish
follow it. So a file cut off at any byte loses whole publishes only, never a part of one.
"""

import mmap
import os
import struct
import zlib
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from infra.local.eventhubs.errors import StartError

_MAGIC = b"EHLOG\x00\x00\x01"
_HEADER = struct.Struct(">8sQQqq")
_RECORD = struct.Struct(">IIQqI")
RECORD_OVERHEAD = _RECORD.size
SUFFIX = ".log"


class Head(NamedTuple):
    """Where a segment begins: first number, first offset, and the event before it (-1: there is none)."""

    sequence: int
    offset: int
    previous_offset: int
    previous_ms: int


class Segment:
    """An open segment file with an index of offsets and times in memory.

    Offsets count the bytes of all records since the partition began, so they go on growing when old
    segments are removed.
    """

    def __init__(self, path: Path, head: Head) -> None:
        self.path = path
        self.head = head
        self.offsets = array("Q")
        self.times = array("q")
        self.end_offset = head.offset
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    @classmethod
    def create(cls, folder: Path, head: Head) -> "Segment":
        """A new, empty segment; it appears under its name only with a complete header."""
        path = folder / f"{head.sequence:020d}{SUFFIX}"
        fresh = path.with_suffix(".new")
        fresh.write_bytes(_HEADER.pack(_MAGIC, *head))
        fresh.replace(path)
        return cls(path, head)

    @classmethod
    def recover(cls, path: Path, is_last: bool) -> tuple["Segment", int]:
        """Opens a segment and rebuilds its index; also the number of bytes dropped from a torn tail.

        Only the last segment may have a torn tail. Raises StartError for any other damage.
        """
        with path.open("rb") as file:
            raw = file.read(_HEADER.size)
        if len(raw) < _HEADER.size or raw[:8] != _MAGIC:
            raise StartError(f"{path} is not a log of this Event Hubs version; remove the data folder.")
        segment = cls(path, Head(*_HEADER.unpack(raw)[1:]))
        dropped = segment._index(check_content=is_last)
        if dropped and not is_last:
            raise StartError(f"{path} is damaged {segment.size} bytes in; remove the data folder.")
        if dropped:
            os.ftruncate(segment._file, _HEADER.size + segment.size)
        return segment, dropped

    def __len__(self) -> int:
        return len(self.offsets)

    @property
    def size(self) -> int:
        """Bytes of records, the header not counted."""
        return self.end_offset - self.head.offset

    @property
    def next_sequence(self) -> int:
        return self.head.sequence + len(self.offsets)

    @property
    def last_offset(self) -> int:
        return self.offsets[-1] if self.offsets else self.head.previous_offset

    @property
    def last_ms(self) -> int:
        return self.times[-1] if self.times else self.head.previous_ms

    def append(self, bodies: Sequence[bytes], enqueued_ms: int, durable: bool) -> None:
        """Writes the records of one publish, all or none. Raises OSError; nothing is kept then."""
        parts: list[bytes] = []
        offsets: list[int] = []
        offset, sequence = self.end_offset, self.next_sequence
        for following, body in zip(range(len(bodies) - 1, -1, -1), bodies, strict=True):
            parts.append(_RECORD.pack(len(body), zlib.crc32(body), sequence, enqueued_ms, following))
            parts.append(body)
            offsets.append(offset)
            offset += _RECORD.size + len(body)
            sequence += 1
        self._write(b"".join(parts), durable)
        self.offsets.extend(offsets)
        self.times.extend([enqueued_ms] * len(bodies))
        self.end_offset = offset

    def read(self, first: int, count_max: int, bytes_max: int) -> list[bytes]:
        """Bodies from the index `first` on: at least one, then as many as fit into the bytes."""
        last = min(first + count_max, len(self.offsets))
        start = self.offsets[first]
        while last > first + 1 and self._end_of(last - 1) - start > bytes_max:
            last = first + (last - first) // 2
        raw = os.pread(self._file, self._end_of(last - 1) - start, self._position(start))
        bounds = [offset - start for offset in self.offsets[first:last]] + [len(raw)]
        return [raw[bounds[i] + _RECORD.size : bounds[i + 1]] for i in range(last - first)]

    def close(self) -> None:
        os.close(self._file)

    def remove(self) -> None:
        """Closes the file and gives its space back."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _position(self, offset: int) -> int:
        return offset - self.head.offset + _HEADER.size

    def _end_of(self, index: int) -> int:
        return self.offsets[index + 1] if index + 1 < len(self.offsets) else self.end_offset

    def _write(self, data: bytes, durable: bool) -> None:
        position = self._position(self.end_offset)
        written = 0
        try:
            while written < len(data):
                rest = data[written:] if written else data
                written += os.pwrite(self._file, rest, position + written)
            if durable:
                os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, position)
            raise

    def _index(self, check_content: bool) -> int:
        """Reads every record up to the last complete publish; the number of bytes after it."""
        file_size = os.fstat(self._file).st_size
        if file_size == _HEADER.size:
            return 0
        with mmap.mmap(self._file, file_size, access=mmap.ACCESS_READ) as data:
            position = _HEADER.size
            complete_count, complete_end = 0, position
            while (record := self._record_at(data, position, check_content)) is not None:
                length, enqueued_ms, following = record
                self.offsets.append(self.head.offset + position - _HEADER.size)
                self.times.append(enqueued_ms)
                position += _RECORD.size + length
                if following == 0:
                    complete_count, complete_end = len(self.offsets), position
        del self.offsets[complete_count:]
        del self.times[complete_count:]
        self.end_offset = self.head.offset + complete_end - _HEADER.size
        return file_size - complete_end

    def _record_at(self, data: mmap.mmap, position: int, check: bool) -> tuple[int, int, int] | None:
        """Length, time and followers of a record, or None where no whole record stands."""
        start = position + _RECORD.size
        if start > len(data):
            return None
        length, checksum, sequence, enqueued_ms, following = _RECORD.unpack_from(data, position)
        if sequence != self.next_sequence or start + length > len(data):
            return None
        if check and zlib.crc32(data[start : start + length]) != checksum:
            return None
        return length, enqueued_ms, following
