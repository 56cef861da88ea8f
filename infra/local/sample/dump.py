"""A sample as a dump: the bodies of one stream, a line each, as JSON or as CSV, packed where the name says so."""

import csv
import gzip
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import msgspec

from infra.local.sample.dialects import plain
from infra.local.sample.model import MALFORMED_PREFIX, SampleEvent, Stream
from shared.sync.events import CONTRACTS


def write_dump(path: Path, stream: Stream, events: Iterable[SampleEvent]) -> int:
    """Write the stream's events; returns how many lines. CSV has sound events of canonical producers only."""
    own = (event for event in events if event.stream == stream)
    with _opened(path) as file:
        if path.name.removesuffix(".gz").endswith(".csv"):
            return _write_csv(file, stream, own)
        lines = 0
        for event in own:
            # A body with a line break of its own would be two lines.
            if b"\n" not in event.body and event.body.strip():
                file.write(event.body + b"\n")
                lines += 1
        return lines


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path.suffix == ".gz":
        with gzip.open(path, "wb", compresslevel=3) as packed:
            yield cast("IO[bytes]", packed)
    else:
        with path.open("wb") as file:
            yield file


def _write_csv(file: IO[bytes], stream: Stream, events: Iterable[SampleEvent]) -> int:
    contract = next(each for each in CONTRACTS if each.stream == stream)
    names = [field.name for field in contract.all_fields()]
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    lines = 0
    for event in events:
        if not event.kind.startswith(MALFORMED_PREFIX):
            body = msgspec.json.decode(event.body)
            writer.writerow(plain(stream, body.get("data", body)))
            lines += 1
    text.detach()
    return lines
