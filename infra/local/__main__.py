"""The commands of the local stack: `python -m infra.local run|reset|send|psql|…`; `--help` lists them."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from infra.local.identity.errors import LocalIdentityError
from infra.local.postgres.errors import LocalPostgresError
from infra.local.stack.errors import StackError
from infra.local.stack.layout import DEFAULT_FOLDER, DEFAULT_PORT, Layout
from infra.local.stack.metrics import show_metrics
from infra.local.stack.product import become_holder, become_product, become_retention
from infra.local.stack.psql import ROLES, psql
from infra.local.stack.reset import reset
from infra.local.stack.run import RunOptions, run
from infra.local.stack.send import SAMPLE_EVENTS, send
from infra.local.stack.token import new_token
from shared.errors.base import CounterfoilError
from shared.security.model import Role

# The product's commands that act as the holder of a token.
HOLDERS = {
    "ceiling": "shared.sync.ceiling",
    "replay-gaps": "shared.sync.replay",
    "admin": "shared.security.admin",
}
MINUTES_MAX = 366 * 24 * 60
# What a shell expects of a program that Ctrl-C ended.
INTERRUPTED = 130
_SENTENCES = (StackError, LocalPostgresError, LocalIdentityError, CounterfoilError)


def main(arguments: Sequence[str]) -> int:
    """The exit status; whatever a person can mend is one sentence on standard error."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.command == "send" and chosen.file is None and not chosen.profile:
        parser.error("send: name a file, or a profile to send a sample of")
    console = Console(highlight=False)
    try:
        return _do(chosen, Layout(chosen.folder.absolute()), console)
    except _SENTENCES as error:
        print(f"{chosen.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        print(f"{chosen.command}: {error.strerror or error}{where}.", file=sys.stderr)
        return 1


def _do(chosen: argparse.Namespace, layout: Layout, console: Console) -> int:
    match chosen.command:
        case "run":
            return run(RunOptions(layout, chosen.port, chosen.events, chosen.fresh), console)
        case "send":
            told = {"dry_run": chosen.dry_run, "profile": chosen.profile, "events": chosen.events}
            return send(layout, chosen.file, console, **told)
        case "psql":
            return psql(layout, chosen.role, chosen.statement)
        case "ceiling" | "replay-gaps" | "admin":
            return become_holder(layout, HOLDERS[chosen.command], chosen.arguments)
        case "retention":
            return become_retention(layout, chosen.arguments)
        case "backfill":
            return become_product(layout, "shared.sync.backfill", chosen.arguments)
        case "token":
            print(new_token(layout, chosen.role, chosen.hours * 3600, chosen.subject))
            return 0
        case "metrics":
            return show_metrics(layout, console, minutes=chosen.minutes, as_json=chosen.json)
        case _:
            removed = reset(layout)
            console.print(
                *[f"removed {path}" for path in removed] or ["There was nothing to remove."], sep="\n"
            )
            return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="where data is kept (.local)")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_run(commands.add_parser("run", help="start everything and stay in the foreground"))
    commands.add_parser("reset", help="remove the stored data")
    _add_send(commands.add_parser("send", help="publish the events of a file, or a sample"))
    psql_parser = commands.add_parser("psql", help="PostgreSQL's command line")
    psql_parser.add_argument(
        "--role", choices=ROLES, default="auditor", help="auditor reads everything, writes nothing"
    )
    psql_parser.add_argument("--statement", default="", help="run this and end")
    ceiling_parser = commands.add_parser("ceiling", help="raise how much of a batch may be bad, for a time")
    ceiling_parser.add_argument("arguments", nargs="*", help="after --; `-- --help` lists them")
    replay_parser = commands.add_parser("replay-gaps", help="read missing events again, or accept a gap")
    replay_parser.add_argument("arguments", nargs="*", help="after --; `-- --help` lists them")
    retention_parser = commands.add_parser("retention", help="the end of access records, and holds on it")
    retention_parser.add_argument("arguments", nargs="*", help="after --; `-- --help` lists them")
    admin_parser = commands.add_parser("admin", help="people, services, roles, sites and tokens")
    admin_parser.add_argument("arguments", nargs="*", help="after --; `-- --help` lists them")
    backfill_parser = commands.add_parser("backfill", help="load a dump of records")
    backfill_parser.add_argument("arguments", nargs="*", help="after --; `-- --help` lists them")
    token_parser = commands.add_parser("token", help="print an access token")
    token_parser.add_argument("--role", choices=[role.value for role in Role], default="viewer")
    token_parser.add_argument(
        "--subject", default="", help="of this person instead, as registered with create-person --subject"
    )
    token_parser.add_argument("--hours", type=_hours, default=1, help="how long it is valid, 1 to 720")
    metrics_parser = commands.add_parser("metrics", help="rates, percentiles, errors, lag and freshness")
    metrics_parser.add_argument(
        "--minutes", type=_minutes, default=60, help="how far back to look, up to a year"
    )
    metrics_parser.add_argument("--json", action="store_true", help="as one JSON object")
    return parser


def _add_send(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, nargs="?", help="one JSON object per line; without it a sample")
    parser.add_argument("--profile", default="", help="how the producers write; the stack's own unless given")
    parser.add_argument("--events", type=_count, default=SAMPLE_EVENTS, help="size of the sample")
    parser.add_argument("--dry-run", action="store_true", help="only check that every line can be published")


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="of the API; the other parts follow it"
    )
    parser.add_argument("--events", type=_count, help="size of the first sample (20,000 orders); 0 for none")
    parser.add_argument("--fresh", action="store_true", help="remove the stored data first")


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def _hours(text: str) -> int:
    hours = _count(text)
    if not 1 <= hours <= 720:
        raise argparse.ArgumentTypeError("a token is valid for 1 to 720 hours")
    return hours


def _minutes(text: str) -> int:
    minutes = _count(text)
    if not 1 <= minutes <= MINUTES_MAX:
        raise argparse.ArgumentTypeError(f"the period is 1 to {MINUTES_MAX:,} minutes")
    return minutes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
