"""`python -m shared.audit.retention purge|hold|release`: the end of access records, and what keeps them from it.

purge drops the days that are older than ACCESS_RECORDS_KEPT_DAYS, as the role of RETENTION_DATABASE_URL: only what is
whole in a verified archive and under no hold. hold and release run as the application. Every one of them leaves an
entry in the audit record, and needs --reason. Exit status: 0 done; 2 nothing was done, one sentence says why.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import date

from shared.audit.access.lift_hold import lift_hold
from shared.audit.access.place_hold import place_hold
from shared.audit.access.purge_access_records import purge_access_records
from shared.commands import NOT_DONE, new_parser, run_command, user_name
from shared.errors.base import SettingsInvalid
from shared.runtime import Runtime
from shared.settings import retention_environ


def main(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> int:
    """The exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        environ = retention_environ(environ) if chosen.command == "purge" else environ
    except SettingsInvalid as error:
        sys.stderr.write(f"retention: {error}\n")
        return NOT_DONE
    return run_command("retention", environ, lambda runtime: _work(runtime, chosen))


def _work(runtime: Runtime, chosen: argparse.Namespace) -> int:
    actor = chosen.actor or user_name()
    if chosen.command == "purge":
        _purge(runtime, chosen, actor)
    elif chosen.command == "hold":
        number = place_hold(runtime, chosen.first, chosen.last, actor, chosen.reason)
        sys.stdout.write(f"hold {number}: {chosen.first} to {chosen.last or 'further notice'}\n")
    else:
        lift_hold(runtime, chosen.number, actor, chosen.reason)
        sys.stdout.write(f"hold {chosen.number} is released\n")
    return 0


def _purge(runtime: Runtime, chosen: argparse.Namespace, actor: str) -> None:
    purged = purge_access_records(runtime, actor, chosen.reason, dry_run=chosen.dry_run)
    verb = "would go" if chosen.dry_run else "gone"
    for each in purged:
        sys.stdout.write(f"{each.day}: {each.records} records {verb}\n")
    if not purged:
        sys.stdout.write("no day is over\n")


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("shared.audit.retention", __doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    purge = commands.add_parser("purge", help="drop the days that are over")
    purge.add_argument("--dry-run", action="store_true", help="do all of it and roll it back")
    hold = commands.add_parser("hold", help="keep days from being purged")
    hold.add_argument("first", type=date.fromisoformat, help="the first day, such as 2026-01-31")
    hold.add_argument(
        "last", type=date.fromisoformat, nargs="?", help="the last day; all later ones without it"
    )
    release = commands.add_parser("release", help="end a hold")
    release.add_argument("number", type=int, help="the hold's number")
    for each in (purge, hold, release):
        each.add_argument("--reason", required=True, help="why, in your own words")
        each.add_argument("--actor", help="who does it (the user of this system)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
