"""`python -m shared.sync.backfill DUMP --stream ledger`: load a dump through the same rules as the streams.

DUMP is a file, or the https address of a blob. It holds one record per line: JSON (each line as an event would be, in
the dialect of EVENT_PROFILE), or CSV with a header of field names. A name that ends in .gz is unpacked.

    python -m shared.sync.backfill entries.ndjson.gz --stream ledger --dry-run
    python -m shared.sync.backfill orders.csv --stream payment_order --since 2026-01-01 --until 2026-02-01
    python -m shared.sync.backfill https://store.blob.core.windows.net/dumps/entries.ndjson?sv=… --stream ledger

Killed or stopped at any point, the same command goes on where it was. Bad lines become dead letters with their number.
A live event wins over a line where neither says updated_at or version.
Exit status: 0 done; 1 more lines are bad than --reject-limit allows: a loading has stopped before them; 2 nothing was
done or the work broke off, standard error says why; 130 stopped by Ctrl-C.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from datetime import time as midnight
from typing import Any, TextIO

from shared.commands import new_parser, run_command, user_name
from shared.runtime import Runtime
from shared.sync.dumps.load_dump import load_dump
from shared.sync.dumps.model import FORMATS, Format, Loaded, Run, Wish
from shared.sync.events.values import instant, instant_text

OVER_LIMIT = 1
INTERRUPTED = 130
BAR_CELLS = 28
STEP_SECONDS = 0.2
_FORMAT_OF: Mapping[str, Format] = {".csv": "csv", ".tsv": "tsv"}


def main(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> int:
    """The exit status."""
    chosen = _parser().parse_args(arguments)
    wish = Wish(
        location=chosen.dump,
        stream=chosen.stream,
        format=chosen.format or _told_format(chosen.dump),
        since=chosen.since or "",
        until=chosen.until or "",
        rejects_max=chosen.reject_limit,
        batch_lines=chosen.batch,
        who=chosen.by,
        dry_run=chosen.dry_run,
    )
    try:
        return run_command("backfill", environ, lambda runtime: _load(runtime, wish, as_json=chosen.json))
    except KeyboardInterrupt:
        sys.stderr.write("backfill: stopped; the same command goes on from the last batch.\n")
        return INTERRUPTED


def _load(runtime: Runtime, wish: Wish, *, as_json: bool) -> int:
    bar = Bar(sys.stderr)
    try:
        loaded = load_dump(runtime, wish, bar.show)
    finally:
        bar.end()
    if as_json:
        sys.stdout.write(json.dumps(_document(wish, loaded), ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(_lines(wish, loaded)) + "\n")
    return OVER_LIMIT if loaded.over_limit else 0


class Bar:
    """Writes one line over and over; elsewhere than on a terminal it writes nothing."""

    def __init__(self, out: TextIO, seconds: Callable[[], float] = time.monotonic) -> None:
        self._out, self._seconds = out, seconds
        self._shown = out.isatty()
        self._began: tuple[float, int, int] | None = None
        self._last = float("-inf")
        self._width = 0

    def show(self, run: Run, read_bytes: int) -> None:
        """The state after a batch."""
        now = self._seconds()
        if self._began is None:
            self._began = (now, run.counts.read, read_bytes)
        if self._shown and now - self._last >= STEP_SECONDS:
            self._last = now
            self._write(self._line(run, read_bytes, now))

    def end(self) -> None:
        """Leave the last line as it stands."""
        if self._shown and self._width:
            self._out.write("\n")

    def _line(self, run: Run, read_bytes: int, now: float) -> str:
        assert self._began is not None, "a line is shown after the first state"
        began, lines, read = self._began
        share = min(1.0, read_bytes / run.dump.size) if run.dump.size else 1.0
        passed = max(now - began, 1e-9)
        rate = (run.counts.read - lines) / passed
        speed = (read_bytes - read) / passed
        left = duration((run.dump.size - read_bytes) / speed) if speed > 0 else "?"
        filled = round(share * BAR_CELLS)
        bar = "█" * filled + "·" * (BAR_CELLS - filled)
        return f"{bar} {share:4.0%}  {run.counts.read:,} lines  {rate:,.0f}/s  {left} left"

    def _write(self, line: str) -> None:
        self._out.write("\r" + line.ljust(self._width))
        self._out.flush()
        self._width = len(line)


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _document(wish: Wish, loaded: Loaded) -> dict[str, Any]:
    run = loaded.run
    return {
        "dry_run": wish.dry_run,
        "run_id": run.run_id or None,
        "file": run.dump.name,
        "stream": wish.stream,
        "resumed_behind_line": loaded.resumed_at,
        "line": run.position_line,
        "over_reject_limit": loaded.over_limit,
        **run.counts._asdict(),
        "rejected": [
            {"line": each.event.sequence_number, "code": each.error.code, "field": each.error.field}
            for each in loaded.rejections
        ],
    }


def _lines(wish: Wish, loaded: Loaded) -> list[str]:
    run, counts = loaded.run, loaded.run.counts
    told = ", ".join(f"{number:,} {name.replace('_', '-')}" for name, number in counts._asdict().items())
    again = f" (from behind line {loaded.resumed_at:,})" if loaded.resumed_at else ""
    found = [f"{run.dump.name}{again}: {told}{'; nothing was stored' if wish.dry_run else ''}"]
    found += [f"line {e.event.sequence_number}: {e.error.code}: {e.error.detail}" for e in loaded.rejections]
    if loaded.over_limit:
        stopped = "" if wish.dry_run else f" It stands behind line {run.position_line:,}."
        found.append(
            f"More than {wish.rejects_max:,} lines are bad.{stopped} Mend the dump, or give a higher --reject-limit."
        )
    return found


def _told_format(location: str) -> Format:
    name = location.partition("?")[0].removesuffix(".gz")
    return next((format_ for end, format_ in _FORMAT_OF.items() if name.endswith(end)), "ndjson")


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("shared.sync.backfill", __doc__)
    parser.add_argument("dump", metavar="DUMP", help="a file, or the address of a blob")
    parser.add_argument("--stream", required=True, choices=("ledger", "payment_order"))
    parser.add_argument("--format", choices=FORMATS, help="told by the name unless given")
    parser.add_argument("--since", type=_moment, help="records from this event time on")
    parser.add_argument("--until", type=_moment, help="records before this event time")
    parser.add_argument("--reject-limit", type=_number, default=100, help="bad lines to bear (100)")
    parser.add_argument("--batch", type=_positive, default=5_000, help="lines per transaction (5,000)")
    parser.add_argument("--by", default=user_name() or "unknown", help="who; kept with the run")
    parser.add_argument("--dry-run", action="store_true", help="read and try all of it, keep nothing")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    return parser


def _moment(text: str) -> str:
    """A date is its beginning in UTC."""
    try:
        if len(text) == len("2026-11-23"):
            return instant_text(datetime.combine(date.fromisoformat(text), midnight(), UTC))
        found = instant(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if found is None:
        raise argparse.ArgumentTypeError("a date, or a date and time, is needed")
    return found


def _number(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _positive(text: str) -> int:
    number = _number(text)
    if not 1 <= number <= 50_000:
        raise argparse.ArgumentTypeError("between 1 and 50,000")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
