"""What the product's commands have in common: how they are described, who runs them, and how they end.

Exit status 2 means that nothing was done, or that the work broke off; one sentence on standard error says why.
"""

import argparse
import getpass
import sys
from collections.abc import Callable, Mapping

from shared.errors.base import CounterfoilError
from shared.runtime import Runtime
from shared.settings import load_settings
from shared.wiring import build_runtime

NOT_DONE = 2


def new_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """A parser whose help shows the module's own text as it is written."""
    return argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


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
