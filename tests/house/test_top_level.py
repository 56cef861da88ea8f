"""The top level of the repository: what the customer gave, what runtime and habit need, and nothing else."""

from collections.abc import Iterable

import pytest

from tests.house.sources import ROOT, project_files

GIVEN = {
    "functions", "shared", "migrations", "infra", "tests",
    "host.json", "local.settings.sample.json", "requirements.txt", "README.md",
}  # fmt: skip
ALSO = {
    "function_app.py", "pyproject.toml", "Makefile", "azure.yaml", "LICENSE", "CHANGELOG.md", "docs", ".github", ".ci",
}  # fmt: skip


def top_level(files: Iterable[str]) -> set[str]:
    return {file.split("/")[0] for file in files}


def strangers(files: Iterable[str]) -> set[str]:
    """Names at the top level that have no place there; files that begin with a dot are habit, folders are named."""
    dotfiles = {file for file in files if "/" not in file and file.startswith(".")}
    return top_level(files) - GIVEN - ALSO - dotfiles


def test_nothing_else_stands_at_the_top_level() -> None:
    assert strangers(project_files()) == set()


def test_everything_given_is_there() -> None:
    assert top_level(project_files()) >= GIVEN
    assert all((ROOT / name).exists() for name in GIVEN)


@pytest.mark.parametrize(
    "name", ["src/app.py", "setup.py", "scripts/run.sh", ".vscode/settings.json", "notes.md"]
)
def test_a_stranger_is_found(name: str) -> None:
    assert strangers([*project_files(), name]) == {name.split("/")[0]}


def test_a_dotfile_is_no_stranger() -> None:
    assert strangers([*project_files(), ".editorconfig", ".github/workflows/ci.yml"]) == set()
