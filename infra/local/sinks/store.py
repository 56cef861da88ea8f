"""Everything received, as JSON lines in one bounded file per kind."""

import json
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

Kind = Literal["mail", "hook", "insights"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# Per kind one current and one previous file of this size are kept.
FILE_BYTES_MAX = 8 * 1024 * 1024
RECORDS_READ_MAX = 1000


class ReceivedStore:
    """Appends numbered records and reads the newest back; numbers go on after a restart."""

    def __init__(self, folder: Path, file_bytes_max: int = FILE_BYTES_MAX) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._file_bytes_max = file_bytes_max
        self._lock = threading.Lock()
        for kind in KINDS:
            _end_last_line(self._current(kind))
        self._numbers = {kind: self._last_number(kind) for kind in KINDS}

    def append(self, kind: Kind, record: Mapping[str, Any]) -> int:
        """Keep one record; its number within the kind."""
        with self._lock:
            number = self._numbers[kind] + 1
            stamped = {"number": number, "received_at": datetime.now(UTC).isoformat(), **record}
            line = json.dumps(stamped, ensure_ascii=False, default=str) + "\n"
            with self._current(kind).open("a", encoding="utf-8") as file:
                file.write(line)
                size = file.tell()
            self._numbers[kind] = number
            if size > self._file_bytes_max:
                self._current(kind).replace(self._previous(kind))
            return number

    def read(self, kind: Kind, limit: int = 50, after: int = 0) -> list[dict[str, Any]]:
        """The newest records with a number above `after`, oldest first."""
        with self._lock:
            newer = [record for record in self._stored(kind) if record["number"] > after]
        return newer[-min(max(limit, 1), RECORDS_READ_MAX) :]

    def counts(self) -> dict[str, int]:
        """How many of each kind were ever received, those no longer kept included."""
        with self._lock:
            return {str(kind): number for kind, number in self._numbers.items()}

    def _stored(self, kind: Kind) -> Iterator[dict[str, Any]]:
        for path in (self._previous(kind), self._current(kind)):
            if not path.exists():
                continue
            with path.open(encoding="utf-8") as file:
                yield from (record for line in file if (record := _parse(line)) is not None)

    def _last_number(self, kind: Kind) -> int:
        return max((int(record["number"]) for record in self._stored(kind)), default=0)

    def _current(self, kind: Kind) -> Path:
        return self._folder / f"{kind}.jsonl"

    def _previous(self, kind: Kind) -> Path:
        return self._folder / f"{kind}.previous.jsonl"


def _end_last_line(path: Path) -> None:
    # A process killed while writing leaves half a line, which must not swallow the next record.
    if path.exists() and path.stat().st_size and not path.read_bytes().endswith(b"\n"):
        with path.open("a") as file:
            file.write("\n")


def _parse(line: str) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("number"), int) else None
