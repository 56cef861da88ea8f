"""Write a sample day to a file: `python -m infra.local.sample --orders 20000 --seed 1 --out day.ndjson`."""

import argparse
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import IO

from infra.local.sample.day import generate, generate_exactly, yesterday
from infra.local.sample.dialects import CANONICAL, DIALECTS
from infra.local.sample.dump import write_dump
from infra.local.sample.lines import write_line
from infra.local.sample.model import LEDGER, PAYMENT_ORDER, SampleEvent, SampleReport

DEFAULT_ORDERS = 20_000


def main(arguments: list[str]) -> int:
    chosen = _parse(arguments)
    report = SampleReport()
    try:
        if chosen.dump:
            lines = write_dump(chosen.out, chosen.dump, _events(chosen, report))
            print(f"{lines} lines of {chosen.dump} in {chosen.out}.", file=sys.stderr)
            return 0
        if str(chosen.out) == "-":
            _write(chosen, sys.stdout.buffer, report)
        else:
            with chosen.out.open("wb") as file:
                _write(chosen, file, report)
    except OSError as failure:
        print(f"{chosen.out} cannot be written: {failure.strerror}.", file=sys.stderr)
        return 1
    print(
        f"{report.sent} events of {report.pair_states.total()} orders, "
        f"{report.dead_letters} of them malformed.",
        file=sys.stderr,
    )
    return 0


def _write(chosen: argparse.Namespace, file: IO[bytes], report: SampleReport) -> None:
    for event in _events(chosen, report):
        file.write(write_line(event))


def _events(chosen: argparse.Namespace, report: SampleReport) -> Iterator[SampleEvent]:
    if chosen.events is not None:
        return generate_exactly(chosen.seed, chosen.events, chosen.day, report=report, profile=chosen.profile)
    return generate(chosen.seed, chosen.orders, chosen.day, report=report, profile=chosen.profile)


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.local.sample", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--orders", type=_count, default=DEFAULT_ORDERS, help="about three events each")
    size.add_argument("--events", type=_count, help="exactly this many events")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same bytes")
    parser.add_argument(
        "--day", type=date.fromisoformat, default=yesterday(), help="default: yesterday in UTC"
    )
    parser.add_argument(
        "--profile", choices=tuple(DIALECTS), default=CANONICAL, help="how the producers write"
    )
    parser.add_argument(
        "--dump",
        choices=(LEDGER, PAYMENT_ORDER),
        help="the bare bodies of one stream, to be loaded; OUT ends in .ndjson or .csv, and in .gz to be packed",
    )
    parser.add_argument("--out", type=Path, required=True, help="file to write; - for standard output")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a number of 0 or more is needed")
    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
