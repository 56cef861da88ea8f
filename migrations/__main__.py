"""`python -m migrations upgrade|downgrade|current|check|revision`: Alembic with the project's own configuration.

The connection comes from MIGRATOR_DATABASE_URL, the schema's owner; the application's role cannot migrate.
"""

import argparse
import sys

from alembic import command
from alembic.util import CommandError

from migrations.configuration import configuration
from shared.errors.base import SettingsInvalid
from shared.settings import load_migration_url


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0, or 2 when settings or the command are at fault."""
    parser = argparse.ArgumentParser(prog="python -m migrations", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, default in (("upgrade", "head"), ("downgrade", "-1")):
        commands.add_parser(name).add_argument("target", nargs="?", default=default)
    commands.add_parser("current", help="the revision the database stands at")
    commands.add_parser("check", help="fails when the tables in code differ from the database")
    commands.add_parser("revision", help="write a new migration from the difference").add_argument("message")
    options = parser.parse_args(argv)
    try:
        _run(options)
    except (SettingsInvalid, CommandError) as error:
        sys.stderr.write(f"migrations: {error}\n")
        return 2
    return 0


def _run(options: argparse.Namespace) -> None:
    config = configuration(load_migration_url())
    if options.command == "upgrade":
        command.upgrade(config, options.target)
    elif options.command == "downgrade":
        command.downgrade(config, options.target)
    elif options.command == "current":
        command.current(config, verbose=True)
    elif options.command == "check":
        command.check(config)
    else:
        command.revision(config, message=options.message, autogenerate=True)


if __name__ == "__main__":
    raise SystemExit(main())
