"""Canaries: a planted defect must make a story fail, or the story proves nothing.

A defect is a change of text that must apply, made in a copy of the package in a folder of its own; the story is told
in a process that imports the copy. The product has no switch for any of this.

`python -m tests.support.canary STORY APP_URL OWNER_URL` tells one story, from the folder it is started in.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psycopg

import shared
from tests.support.approval_stories import APPROVAL_STORIES
from tests.support.audit_stories import AUDIT_STORIES
from tests.support.dialect_stories import DIALECT_STORIES
from tests.support.postgres import ClonedDatabase
from tests.support.reliability_stories import RELIABILITY_STORIES
from tests.support.runtime import APP_PASSWORD, runtime_for
from tests.support.stories import STORIES

ROOT = Path(__file__).resolve().parents[2]
STORY_HOLDS, STORY_FAILS = 0, 77
TOLD_SECONDS_MAX = 120


@dataclass(frozen=True)
class Defect:
    """One planted defect: in a file of the product, each old text is replaced by the new one."""

    name: str
    story: str
    file: str
    changes: tuple[tuple[str, str], ...]


def plant(defect: Defect, folder: Path) -> None:
    """Copy the package into the folder and spoil it. Raises when a change does not apply exactly once."""
    shutil.copytree(ROOT / "shared", folder / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tests", "infra", "migrations"):
        (folder / name).symlink_to(ROOT / name)
    path = folder / defect.file
    text = path.read_text("utf-8")
    for old, new in defect.changes:
        if text.count(old) != 1:
            raise LookupError(f"{defect.name}: {defect.file} holds {old!r} {text.count(old)} times")
        text = text.replace(old, new)
    path.write_text(text, "utf-8")


def tell(story: str, folder: Path, database: ClonedDatabase) -> subprocess.CompletedProcess[str]:
    """Tell a story in a process of its own that imports the folder's copy."""
    app_url = database.url_as("counterfoil_app", APP_PASSWORD)
    return subprocess.run(
        [sys.executable, "-m", "tests.support.canary", story, app_url, database.url],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=TOLD_SECONDS_MAX,
        check=False,
    )


def assert_found(defect: Defect, folder: Path, database: ClonedDatabase) -> None:
    """The spoiled copy's story must fail, by its own verdict."""
    plant(defect, folder)
    told = tell(defect.story, folder, database)
    assert told.returncode == STORY_FAILS, told.stderr


def assert_holds(story: str, folder: Path, database: ClonedDatabase) -> None:
    """The story of an unspoiled copy holds: what the canaries find is the defect, and not the copy."""
    plant(Defect("none", story, "shared/sync/model.py", ()), folder)
    told = tell(story, folder, database)
    assert told.returncode == STORY_HOLDS, told.stderr


def main(story_name: str, app_url: str, owner_url: str) -> int:
    """STORY_HOLDS or STORY_FAILS; anything else, a wrong import among them, is a failure of the canary itself."""
    assert shared.__file__ is not None
    if not Path(shared.__file__).is_relative_to(Path.cwd()):
        raise ImportError(f"{shared.__file__} is not the copy in {Path.cwd()}")
    stories = (*STORIES, *RELIABILITY_STORIES, *AUDIT_STORIES, *APPROVAL_STORIES, *DIALECT_STORIES)
    story = next(each for each in stories if each.__name__ == story_name)
    runtime = runtime_for(app_url)
    with psycopg.connect(owner_url.replace("+psycopg", ""), autocommit=True) as owner:
        try:
            story(runtime, owner)
        except BaseException as error:  # noqa: BLE001 - told to the parent by the exit code
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            return STORY_FAILS if is_verdict(error) else 1
    return STORY_HOLDS


def is_verdict(error: BaseException) -> bool:
    """Whether the story itself says no: an assertion, or an exception that it expected and did not get."""
    return isinstance(error, AssertionError) or type(error).__name__ == "Failed"


if __name__ == "__main__":
    # A thread that still waits for a lock must not hold the process.
    os._exit(main(*sys.argv[1:]))
