"""`python -m shared.sync.ceiling`: raise the share of a batch that may be bad for a time, take it back, list.

It acts as the holder of the token in --token-file, who needs the right at all sites: a hub carries the events of all.
Every change is recorded. It reads the settings as the app does. A partition that is held for SYNC_REJECT_FLOOD goes
on at its next retry.

Exit status: 0 done; 2 nothing was done, standard error says why.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.audit.model import Action
from shared.commands import add_token_file, new_parser, read_secret, run_command
from shared.runtime import Runtime
from shared.security.admit_holder import Errand, admit_holder
from shared.security.model import Permission
from shared.spine.model import Context
from shared.sync.rejects.answer import ceiling_body, moment_text
from shared.sync.rejects.list_ceilings import list_ceilings
from shared.sync.rejects.lower_ceiling import lower_ceiling
from shared.sync.rejects.model import Raise, Standing
from shared.sync.rejects.raise_ceiling import raise_ceiling

_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def main(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> int:
    """The exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    _refuse_halves(parser, chosen)
    return run_command("ceiling", environ, lambda runtime: _run(runtime, chosen), dry_run=chosen.dry_run)


def _run(runtime: Runtime, chosen: argparse.Namespace) -> int:
    context = admit_holder(runtime, read_secret(chosen.token_file), _errand(chosen))
    document, lines = _do(runtime, chosen, context)
    told = json.dumps(document, ensure_ascii=False) if chosen.json else "\n".join(lines)
    sys.stdout.write(told + "\n")
    return 0


def _errand(chosen: argparse.Namespace) -> Errand:
    if chosen.list:
        return Errand("ceiling list", Permission.LOOKUP_READ)
    action = Action.CEILING_WITHDRAW if chosen.lower else Action.CEILING_RAISE
    return Errand("ceiling", Permission.BATCH_RUN, action, "reject_ceiling")


def _do(runtime: Runtime, chosen: argparse.Namespace, context: Context) -> tuple[dict[str, Any], list[str]]:
    if chosen.list:
        standing = list_ceilings(runtime, context, chosen.stream)
        ceilings = [ceiling_body(ceiling) for ceiling in standing.ceilings]
        return {"ceilings": ceilings, "held": [_held(flood) for flood in standing.held]}, _standing(standing)
    dry_run = chosen.dry_run
    if chosen.lower:
        verb = "Would be taken back" if dry_run else "Taken back"
        done = lower_ceiling(runtime, context, chosen.stream, chosen.partition, chosen.reason)
        told = [*_dicts(done.body["lowered"])]
    else:
        verb = "Would be raised" if dry_run else "Raised"
        wanted = Raise(chosen.share, chosen.lasts)
        done = raise_ceiling(runtime, context, chosen.stream, chosen.partition, wanted, chosen.reason)
        # A ceiling that would be raised has no number yet.
        told = [{name: each for name, each in done.body.items() if name != "ceiling_id" or not dry_run}]
    document = {"dry_run": dry_run, "lowered" if chosen.lower else "raised": told}
    return document, [f"{verb}: {_line(ceiling)}" for ceiling in told]


def _dicts(value: object) -> list[dict[str, Any]]:
    assert isinstance(value, list), "the answer is a list of ceilings"
    return value


def _standing(standing: Standing) -> list[str]:
    lines = [f"raised: {_line(ceiling_body(ceiling))}" for ceiling in standing.ceilings] or [
        "No ceiling is raised."
    ]
    held = [
        f"held: {flood['stream']} partition {flood['partition_id']} since {flood['at']}, from event"
        f" {flood['first_sequence_number']} on: {flood['bad']} of {flood['events']} bad, {_counts(flood['by_code'])}"
        for flood in map(_held, standing.held)
    ]
    return lines + (held or ["No partition is held."])


def _held(flood: dict[str, Any]) -> dict[str, Any]:
    """The flood, its time written like all others."""
    return {**flood, "at": moment_text(datetime.fromisoformat(flood["at"]))}


def _counts(by_code: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {code}" for code, number in by_code.items())


def _line(ceiling: Mapping[str, Any]) -> str:
    whose = f"partition {ceiling['partition_id']}" if ceiling["partition_id"] else "all partitions"
    return (
        f"{ceiling['stream']}, {whose}: up to {ceiling['share']} of a batch may be bad until"
        f" {ceiling['valid_until']} ({ceiling['set_by']}: {ceiling['reason']})"
    )


def _refuse_halves(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    """What the chosen way needs must be there, and nothing it does not know; the parser ends the process."""
    given = {
        name for name in ("partition", "share", "lasts", "reason") if getattr(chosen, name) not in (None, "")
    }
    if chosen.list:
        needed, allowed = set[str](), set[str]()
    elif chosen.lower:
        needed, allowed = {"reason"}, {"reason", "partition"}
    else:
        needed, allowed = {"share", "lasts", "reason"}, {"share", "lasts", "reason", "partition"}
    names = {"lasts": "for"}
    if not chosen.list and not chosen.stream:
        parser.error("--stream is needed")
    for name in sorted(needed - given):
        parser.error(f"--{names.get(name, name)} is needed")
    for name in sorted(given - allowed):
        parser.error(f"--{names.get(name, name)} does not go with --{'list' if chosen.list else 'lower'}")


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("shared.sync.ceiling", __doc__)
    add_token_file(parser)
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--list", action="store_true", help="which ceilings are raised, which partitions are held"
    )
    way.add_argument("--lower", action="store_true", help="take back what is raised for exactly this scope")
    parser.add_argument("--stream", choices=("ledger", "payment_order"))
    parser.add_argument("--partition", help="this partition only; without it, all of the stream")
    parser.add_argument("--share", type=_share, help="how much of a batch may be bad, up to 1")
    parser.add_argument("--for", dest="lasts", type=_duration, help="how long: 90s, 30m, 2h, up to 7d")
    parser.add_argument("--reason", default="", help="why; kept on record")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    return parser


def _share(text: str) -> Decimal:
    try:
        share = Decimal(text)
    except InvalidOperation:
        share = Decimal("NaN")
    if not share.is_finite():
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return share


def _duration(text: str) -> timedelta:
    match = _DURATION.fullmatch(text)
    if not match:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write 90s, 30m, 2h or 1d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
