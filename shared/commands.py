"""What the product's commands have in common: how they are described, who runs them, and how they end.

Exit status 2 means that nothing was done, or that the work broke off; one sentence on standard error says why.
"""

import argparse
import getpass
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from shared.errors.base import CounterfoilError, SettingsInvalid
from shared.runtime import Runtime
from shared.settings import load_settings
from shared.wiring import build_runtime

NOT_DONE = 2
DEFAULT_TOKEN_FILE = Path(".local/admin-token")


def new_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """A parser whose help shows the module's own text as it is written."""
    return argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_token_file(parser: argparse.ArgumentParser) -> None:
    """Who gives the command is who holds the token in that file; a token in an argument could be read by others."""
    parser.add_argument(
        "--token-file", type=Path, default=DEFAULT_TOKEN_FILE, help="holds the token to act with"
    )


def read_secret(path: Path) -> str:
    """The one line of a file that holds a secret. Raises SettingsInvalid."""
    try:
        return path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        why = (error.strerror if isinstance(error, OSError) else "") or "it is no text in UTF-8"
        raise SettingsInvalid(f"{path} cannot be read: {why}") from error


def run_command(
    name: str, environ: Mapping[str, str] | None, work: Callable[[Runtime], int], *, dry_run: bool = False
) -> int:
    """Build the runtime as the app does, work, and give the exit status; no failure ends in a trace.

    With `dry_run` whatever the work changes in the database is rolled back.
    """
    try:
        runtime = build_runtime(load_settings(environ), dry_run=dry_run)
        try:
            return work(runtime)
        finally:
            runtime.database.dispose()
    except CounterfoilError as error:
        sys.stderr.write(f"{name}: {error}\n")
    except Exception as error:  # noqa: BLE001 - whatever it was, another status would say that the work was done
        sys.stderr.write(f"{name}: {type(error).__name__}: {str(error).partition(chr(10))[0]}\n")
    return NOT_DONE


def user_name() -> str:
    """The user of this system; nothing where it has no name, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
