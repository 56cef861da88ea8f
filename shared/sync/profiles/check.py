"""`python -m shared.sync.profiles.check FILE`: is this a profile, and what do events load to with it?

FILE is a profile's file, or the name of one that is there. With --sample, each line of the file is one event as a hub
would deliver it; nothing is stored and nothing is connected to. That times are not in the future is not checked here.

    python -m shared.sync.profiles.check my-shop-v1.json --sample events.ndjson
    python -m shared.sync.profiles.check cdc-v1 --sample events.ndjson --stream ledger --json

Exit status: 0 the profile is sound and every event loads; 1 some event does not; 2 the profile is refused, or a file
cannot be read.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from shared.commands import NOT_DONE, new_parser
from shared.sync.errors import EventRejected, ProfileInvalid
from shared.sync.events import CONTRACTS
from shared.sync.events.contract import Contract, Defaults, Parsed, Stream
from shared.sync.events.decode import decode_body
from shared.sync.events.reader import EventReader
from shared.sync.profiles.load_profile import load_profile, read_profile
from shared.sync.profiles.model import Profile
from shared.sync.profiles.tell_stream import tell_stream

NOT_LOADED = 1
LINE_BYTES_MAX = 8 * 1024 * 1024
LATEST = "9999-12-31T23:59:59"


def main(arguments: Sequence[str]) -> int:
    """The exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        profile = _profile(chosen.file)
        readers = _readers(profile, Defaults(chosen.currency, chosen.site))
        loaded = list(_loaded(chosen, readers)) if chosen.sample else []
    except ProfileInvalid as error:
        sys.stderr.write(f"check: {error}\n")
        return NOT_DONE
    except OSError as error:
        sys.stderr.write(f"check: {error.filename}: {error.strerror}\n")
        return NOT_DONE
    if chosen.json:
        sys.stdout.write(json.dumps({"profile": profile.name, "events": loaded}, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(profile, loaded)) + "\n")
    return NOT_LOADED if any("refused" in event for event in loaded) else 0


def _profile(file: str) -> Profile:
    """A path, or the name of a profile that is there."""
    return read_profile(Path(file)) if Path(file).suffix or "/" in file else load_profile(file)


def _readers(profile: Profile, defaults: Defaults) -> dict[Stream, EventReader]:
    return {each.stream: EventReader(each, defaults, profile.of(each.stream)) for each in CONTRACTS}


def _loaded(chosen: argparse.Namespace, readers: Mapping[Stream, EventReader]) -> Iterator[dict[str, Any]]:
    with Path(chosen.sample).open("rb") as file:
        number = 0
        while line := file.readline(LINE_BYTES_MAX):
            number += 1
            if body := line.strip():
                yield {"line": number, **_event(body, chosen.stream, readers)}


def _event(body: bytes, stream: Stream | None, readers: Mapping[Stream, EventReader]) -> dict[str, Any]:
    try:
        stream = stream or tell_stream(readers, decode_body(body))
        records = readers[stream].read(body, LATEST)
    except EventRejected as error:
        return {"stream": stream, "refused": error.code, "field": error.field, "detail": error.detail}
    except ValueError as error:
        return {"stream": None, "refused": "STREAM_UNKNOWN", "field": None, "detail": str(error)}
    told = [_record(readers[stream].contract, record) for record in records]
    noticed = {"alias_hits": list(records[0].alias_hits), "unknown_fields": records[0].unknown_fields}
    return {"stream": stream, "records": told, **noticed}


def _record(contract: Contract, parsed: Parsed) -> dict[str, Any]:
    revision = zip(("updated_at", "version", "correlation_id"), parsed[1:4], strict=True)
    texts = [*zip(contract.business_columns, parsed.business, strict=True), *revision]
    return {name: text or None for name, text in texts}


def _lines(profile: Profile, loaded: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"{profile.name}: {profile.meaning}"
    for event in loaded:
        head = f"line {event['line']}"
        if "refused" in event:
            yield f"{head}: refused, {event['refused']}: {event['detail']}"
            continue
        noticed = f", {event['unknown_fields']} unknown fields" if event["unknown_fields"] else ""
        yield f"{head}: {event['stream']}{noticed}"
        for record in event["records"]:
            yield "  " + ", ".join(f"{name}={text}" for name, text in record.items() if text is not None)
    if loaded:
        bad = sum("refused" in event for event in loaded)
        yield f"{len(loaded)} events, {bad} of them refused."


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("shared.sync.profiles.check", __doc__)
    parser.add_argument("file", metavar="FILE", help="a profile's file, or the name of a profile")
    parser.add_argument("--sample", metavar="EVENTS", help="a file of events, one JSON text per line")
    parser.add_argument(
        "--stream", choices=[each.stream for each in CONTRACTS], help="else told from the fields"
    )
    parser.add_argument("--currency", default="USD", help="of events that name none")
    parser.add_argument("--site", default="SITE", help="of events that name none")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
