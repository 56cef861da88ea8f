"""`python -m tests.bench`: every figure beside its reference, as a table, JSON and a picture."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.bench.figures import EXTRA, NAMES, Options, Results, measure
from tests.bench.measure import WARM_UP_ROUNDS, Measured, Plan
from tests.bench.picture import draw
from tests.bench.storage import Row

DEFAULT_OUT = Path(".local/bench")


def main(arguments: Sequence[str]) -> int:
    """The exit status: 1 when a measured figure misses its floor."""
    chosen = _parse(arguments)
    options = Options(
        names=tuple(chosen.only or NAMES),
        plan=Plan(rounds=chosen.rounds, strict=not chosen.quick, warm_up=chosen.warm_up),
        rows=chosen.rows,
        events=chosen.events,
        orders=chosen.orders,
    )
    console = Console(highlight=False)
    bar = (
        TextColumn("{task.description:<30}"),
        BarColumn(bar_width=32),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*bar, console=console, transient=True) as progress:
        found = measure(options, progress)
    chosen.out.mkdir(parents=True, exist_ok=True)
    _write(chosen.out / "bench.json", found)
    draw(found.figures, found.stages, chosen.out / "bench.png")
    console.print(_table(found.figures))
    if found.stages is not None:
        console.print(found.stages.sentence(), soft_wrap=True)
    for rows in (found.storage.partitioning, found.storage.fillfactor) if found.storage else ():
        console.print(_rows(rows))
    console.print(f"Written: {chosen.out / 'bench.json'}, {chosen.out / 'bench.png'}", soft_wrap=True)
    return 1 if any(result.verdict == "missed" for result in found.figures) else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=(*NAMES, *EXTRA),
        metavar="NAME",
        help=f"some of: {', '.join((*NAMES, *EXTRA))}",
    )
    parser.add_argument("--rounds", type=int, default=7, help="good rounds wanted for each figure")
    parser.add_argument("--rows", type=int, default=1_000_000, help="ledger rows of the large database")
    parser.add_argument("--events", type=int, default=1_000_000, help="events of the memory figure")
    parser.add_argument("--orders", type=int, default=10_000, help="orders a round brings")
    parser.add_argument("--warm-up", type=int, default=WARM_UP_ROUNDS, help="rounds that do not count")
    parser.add_argument("--quick", action="store_true", help="keep rounds that busy neighbours spoiled")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="folder for bench.json and bench.png")
    return parser.parse_args(arguments)


def _write(path: Path, found: Results) -> None:
    document = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "figures": [result.document() for result in found.figures],
        "stages_microseconds_per_event": found.stages and found.stages.microseconds,
        "storage": found.storage and asdict(found.storage),
        "bytes_of_the_large_database": found.sizes,
    }
    path.write_text(json.dumps(document, indent=2) + "\n")


def _rows(rows: Sequence[Row]) -> Table:
    """Rows that share their names, turned so that each name is a line."""
    table = Table(*("" for _ in range(len(rows) + 1)), box=None, show_header=False)
    for name in rows[0]:
        table.add_row(
            name, *(f"{row[name]:,}" if name != "ledger_entries" else str(row[name]) for row in rows)
        )
    return table


def _table(results: Sequence[Measured]) -> Table:
    table = Table("figure", "ratio", "range", "floor", "goal", "verdict", "ours", "reference", box=None)
    colours = {"goal": "green", "floor": "yellow", "missed": "red", "not measured": "dim"}
    for result in results:
        document = result.document()
        sign = "≥" if result.figure.greater_is_better else "≤"
        if result.rounds:
            ratio = f"{result.ratio:.2f}"
            span = f"{document['ratio_min']:.2f}–{document['ratio_max']:.2f}"
            values = [f"{document[side]:,.6g} {result.unit}" for side in ("ours_median", "reference_median")]
        else:
            ratio, span, values = "–", "–", ["–", "–"]
        verdict = f"[{colours[result.verdict]}]{result.verdict}[/]"
        floor, goal = f"{sign} {result.figure.floor:g}", f"{sign} {result.figure.goal:g}"
        table.add_row(result.figure.name, ratio, span, floor, goal, verdict, *values)
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
