"""`python -m shared.sync.replay`: read missing events from the hub again, or accept that they stay missing.

Without arguments all open gaps are read again, and events beyond our last are named, not read: a stream that runs will
take them. It acts as the holder of the token in --token-file, who needs the right at all sites: a hub carries the
events of all. Every replay and every acceptance needs --reason and is recorded. It reads the settings as the app does.

Exit status: 0 done;
1 done, and something is still missing; 2 nothing was done or the work broke off, standard error says why. Whatever
was taken before a break stays taken: the same command goes on from there.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from shared.audit.model import Action
from shared.commands import add_token_file, new_parser, read_secret, run_command
from shared.runtime import Runtime
from shared.security.admit_holder import Errand, admit_holder
from shared.security.model import Permission
from shared.spine.model import Context
from shared.sync.accept_gap import accept_gap
from shared.sync.foresee_replay import foresee_replay
from shared.sync.loss.model import Ranges, Replayed, Wish, count, parse_ranges, without
from shared.sync.replay_range import replay_range

STILL_MISSING = 1


def main(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> int:
    """The exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    _refuse_halves(parser, chosen)
    return run_command("replay", environ, lambda runtime: _run(runtime, chosen))


def _run(runtime: Runtime, chosen: argparse.Namespace) -> int:
    context = admit_holder(runtime, read_secret(chosen.token_file), _errand(chosen))
    return (_replay if chosen.accept is None else _accept)(runtime, context, chosen)


def _errand(chosen: argparse.Namespace) -> Errand:
    if chosen.dry_run:
        return Errand("replay foresee", Permission.BATCH_RUN)
    if chosen.accept is not None:
        return Errand("replay accept", Permission.BATCH_RUN, Action.GAP_ACCEPT, "sequence_gap")
    return Errand("replay", Permission.BATCH_RUN, Action.RANGE_REPLAY, "event_range")


def _accept(runtime: Runtime, context: Context, chosen: argparse.Namespace) -> int:
    told = dict(accept_gap(runtime, context, chosen.accept, chosen.reason).body)
    sys.stdout.write(json.dumps(told) + "\n" if chosen.json else f"Gap {chosen.accept} is accepted.\n")
    return 0


def _replay(runtime: Runtime, context: Context, chosen: argparse.Namespace) -> int:
    wish = Wish(chosen.stream, chosen.partition, chosen.ranges)
    show = _show_nothing if chosen.json else _show
    if chosen.dry_run:
        done = foresee_replay(runtime, context, wish)
    else:
        done = replay_range(runtime, context, wish, chosen.reason, on_taken=show)
    if chosen.json:
        document = {"dry_run": chosen.dry_run, "partitions": [asdict(each) for each in done]}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        lines = [_line(each, dry_run=chosen.dry_run) for each in done] or ["Nothing is missing."]
        sys.stdout.write("\n".join(lines) + "\n")
    return STILL_MISSING if any(each.missing for each in done) and not chosen.dry_run else 0


def _show(stream: str, partition_id: str, taken: int, everything: int) -> None:
    """A line per batch on standard error, so that standard output stays the account."""
    sys.stderr.write(f"{stream} partition {partition_id}: {taken:,} of {everything:,} events\n")


def _show_nothing(_stream: str, _partition_id: str, _taken: int, _everything: int) -> None:
    return None


def _line(done: Replayed, *, dry_run: bool) -> str:
    place = f"{done.stream} partition {done.partition_id}"
    if not done.wanted:
        return f"{place}: no gap to read{_tail(done)}"
    gone = f"; expired in the hub: {_written(done.expired)}" if done.expired else ""
    if dry_run:
        return f"{place}: would read {_written(without(done.wanted, done.expired))}{gone}{_tail(done)}"
    taken = (
        ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(done.events.items()))
        or "nothing taken"
    )
    left = f"; still missing: {_written(done.missing)}" if done.missing else "; nothing is missing now"
    return f"{place}: {taken}{gone}{left}{_tail(done)}"


def _tail(done: Replayed) -> str:
    """Events beyond our last, and the words that read them where the stream never will."""
    if not done.unread:
        return ""
    numbers = ",".join(f"{first}-{last}" for first, last in done.unread)
    words = f"--stream {done.stream} --partition {done.partition_id} --ranges {numbers}"
    return (
        f"; the hub holds {count(done.unread):,} events beyond our last: the stream takes them if it runs;"
        f" if it does not, read them with {words}"
    )


def _written(ranges: Ranges) -> str:
    return ", ".join(f"{a}-{b}" if a != b else f"{a}" for a, b in ranges) or "nothing"


def _refuse_halves(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    """What belongs together must be together; the parser ends the process."""
    if chosen.ranges is not None and not (chosen.stream and chosen.partition):
        parser.error("--ranges needs --stream and --partition")
    if chosen.accept is not None and (chosen.stream or chosen.partition or chosen.ranges or chosen.dry_run):
        parser.error("--accept names a gap by its number, and goes with --reason only")
    if not chosen.reason.strip() and not chosen.dry_run:
        parser.error("--reason is needed: say why; only --dry-run goes without")


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("shared.sync.replay", __doc__)
    add_token_file(parser)
    parser.add_argument("--stream", choices=("ledger", "payment_order"))
    parser.add_argument("--partition", type=_partition, help="this partition only")
    parser.add_argument("--ranges", type=_ranges, help="these numbers only, such as 100-199,205")
    parser.add_argument(
        "--accept", type=int, metavar="GAP", help="accept this gap instead of reading it again"
    )
    parser.add_argument("--reason", default="", help="why; kept with the gaps and in the audit record")
    parser.add_argument("--dry-run", action="store_true", help="say what would be read, and read nothing")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    return parser


def _partition(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("a partition has a name")
    return text


def _ranges(text: str) -> Ranges:
    try:
        return parse_ranges(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
