"""`make simulate`: seeded faults on the whole local stack, and an oracle that judges the end.

The exit status is 0 when every check holds, 1 when one does not, 2 when the run could not be made, and 130 when it
was stopped before it could be judged.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import SystemRandom

from rich.console import Console

from infra.local.postgres.errors import LocalPostgresError
from infra.local.sample.sender import PublishFailed
from infra.local.simulate.outcome import OK, VIOLATED, Outcome
from infra.local.simulate.picture import draw
from infra.local.simulate.plan import (
    KINDS,
    MINUTES,
    ORDERS,
    RATE,
    KindUnknown,
    Options,
    Plan,
    chosen_kinds,
    make_plan,
)
from infra.local.simulate.report import show_outcome, show_plan
from infra.local.simulate.run import Interrupts, Run, new_folder, remove_folder
from infra.local.stack.errors import StackError
from infra.local.stack.parts import StackCancelled
from shared.errors.base import CounterfoilError
from shared.settings import setting_names

DEFAULT_OUT = Path(".local/simulate")
COULD_NOT_RUN, INTERRUPTED = 2, 130
STATUS = {OK: 0, VIOLATED: 1}
SEED_MAX = 10**6
MINUTES_MAX, RATE_MAX, ORDERS_MAX = 24 * 60.0, 5_000, 99_999
_SENTENCES = (StackError, LocalPostgresError, PublishFailed, CounterfoilError, KindUnknown)


def main(arguments: Sequence[str]) -> int:
    """The exit status."""
    chosen = _parser().parse_args(arguments)
    console = Console(highlight=False, stderr=chosen.json)
    try:
        kinds = chosen_kinds(chosen.faults) if chosen.faults is not None else Options().kinds
        seed = SystemRandom().randrange(1, SEED_MAX) if chosen.seed is None else chosen.seed
        plan = make_plan(seed, Options(chosen.minutes, chosen.rate, chosen.orders, kinds))
        if chosen.plan:
            return _print_plan(plan, console, as_json=chosen.json)
        return _run(plan, chosen, console)
    except _SENTENCES as error:
        print(f"simulate: {error}", file=sys.stderr)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        print(f"simulate: {error.strerror or error}{where}.", file=sys.stderr)
    return COULD_NOT_RUN


def _print_plan(plan: Plan, console: Console, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(plan.document(), indent=2))
    else:
        show_plan(console, plan)
    return 0


def _run(plan: Plan, chosen: argparse.Namespace, console: Console) -> int:
    for name in (*setting_names(), "MIGRATOR_DATABASE_URL"):
        # The run has parts of its own; an address in the environment would win over them.
        os.environ.pop(name, None)
    interrupts = Interrupts()
    console.print(
        f"Seed {plan.seed}: {plan.events:,} events, {len(plan.faults)} faults, about {plan.minutes:g} minutes. "
        "Ctrl-C ends it early and judges what was published.",
        soft_wrap=True,
    )
    folder = new_folder()
    try:
        run = Run(plan, folder, console, interrupts)
        try:
            run.execute()
        except StackCancelled:
            console.print("Stopped.")
            return INTERRUPTED
        finally:
            if run.outcome.samples:
                _tell(run.outcome, chosen, console)
    finally:
        if chosen.keep:
            console.print(f"Kept: {folder}", soft_wrap=True)
        else:
            remove_folder(folder)
    return STATUS.get(run.outcome.verdict, INTERRUPTED)


def _tell(outcome: Outcome, chosen: argparse.Namespace, console: Console) -> None:
    """Print the report and write JSON and picture, also of a run that broke off."""
    document = json.dumps(outcome.document(), indent=2)
    show_outcome(console, outcome)
    if chosen.json:
        print(document)
    chosen.out.mkdir(parents=True, exist_ok=True)
    files = [chosen.out / f"seed-{outcome.plan.seed}.{ending}" for ending in ("json", "png")]
    files[0].write_text(document + "\n")
    draw(outcome, files[1])
    console.print(f"Written: {files[0]}, {files[1]}", soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.local.simulate", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument(
        "--seed", type=int, help="decides events and faults; without it one is drawn and printed"
    )
    parser.add_argument("--minutes", type=_minutes, default=MINUTES, help="how long events are published")
    parser.add_argument("--rate", type=_whole(1, RATE_MAX), default=RATE, help="events a second")
    parser.add_argument(
        "--orders",
        type=_whole(1, ORDERS_MAX),
        default=ORDERS,
        help="orders that half of the events fight over",
    )
    parser.add_argument(
        "--faults",
        metavar="KIND,…",
        help=f"only these, or none: {', '.join(kind.name for kind in KINDS)}; kill stands for all three, lose for both",
    )
    parser.add_argument("--plan", action="store_true", help="print the schedule and do nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument(
        "--out", type=Path, default=DEFAULT_OUT, help="folder of the JSON file and the picture"
    )
    parser.add_argument("--keep", action="store_true", help="keep the run's own folder, with data and logs")
    return parser


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes <= MINUTES_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes up to {MINUTES_MAX:g}")
    return minutes


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {low} to {high:,}")
        return int(text)

    return read


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
