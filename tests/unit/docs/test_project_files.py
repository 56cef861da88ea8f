"""The files of a project that no program of ours reads: the hooks, the workflow, what a deployment leaves out."""

import re
import shlex
import tomllib
from collections.abc import Iterable
from fnmatch import fnmatch

import pytest

from tests.house.sources import project_files
from tests.unit.docs.markdown import ROOT

WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
HOOKS = (ROOT / ".pre-commit-config.yaml").read_text("utf-8")
LEFT_OUT = [
    line
    for line in (ROOT / ".funcignore").read_text("utf-8").splitlines()
    if line.strip() and not line.startswith("#")
]
RUNS = ("function_app.py", "host.json", "requirements.txt", "functions/", "shared/", "migrations/")


def left_out(path: str) -> bool:
    """A pattern without a slash leaves out whatever has that name, at any depth."""
    return any(fnmatch(part, pattern) for pattern in LEFT_OUT for part in path.split("/"))


def deployed(files: Iterable[str]) -> list[str]:
    return [path for path in files if not left_out(path)]


def test_patterns_are_plain_names() -> None:
    assert [pattern for pattern in LEFT_OUT if re.search(r"[/!\[\]?]", pattern) or "**" in pattern] == []


def test_what_runs_is_deployed_and_nothing_else_is() -> None:
    files = project_files()
    assert [path for path in deployed(files) if not path.startswith(RUNS)] == []
    assert [
        path for path in files if path.startswith(RUNS) and left_out(path) and not path.endswith(".md")
    ] == []


@pytest.mark.parametrize(
    "path",
    [
        ".local/credentials.json",
        ".venv/lib/site.py",
        "local.settings.json",
        "tests/conftest.py",
        "infra/local/host/host.py",
        "docs/errors.md",
        "shared/__pycache__/x.pyc",
        ".git/config",
    ],
)
def test_what_belongs_to_this_machine_is_left_out(path: str) -> None:
    assert left_out(path)


def test_the_workflow_tests_every_supported_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    low, high = re.findall(r"3\.(\d+)", project["requires-python"])
    matrix = re.search(r"python: \[(.*)\]", WORKFLOW)
    assert matrix
    assert re.findall(r'"(.+?)"', matrix[1]) == [f"3.{minor}" for minor in range(int(low), int(high))]


def test_the_workflow_runs_commands_of_the_makefile() -> None:
    commands = re.findall(r"- run: make ([a-z-]+)", WORKFLOW)
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert commands[0] == "test"
    assert all(re.search(rf"^{command}:", makefile, re.MULTILINE) for command in commands)


def test_hooks_use_the_projects_own_environment() -> None:
    assert re.findall(r"- repo: (.+)", HOOKS) == ["local"]
    assert set(re.findall(r"language: (.+)", HOOKS)) == {"system"}
    entries = [shlex.split(entry) for entry in re.findall(r"entry: (.+)", HOOKS)]
    assert len(entries) == HOOKS.count("- id:")
    assert {entry[0].rpartition("/")[0] for entry in entries} == {".venv/bin"}


@pytest.mark.parametrize(
    "tool", ["ruff check", "ruff format --check", "mypy", "pytest", "infra.local.docs --check"]
)
def test_every_quick_check_is_a_hook(tool: str) -> None:
    assert tool in HOOKS


def test_what_hooks_name_exists() -> None:
    for entry in re.findall(r"entry: (.+)", HOOKS):
        words = shlex.split(entry)
        paths = [word for word in words[1:] if "/" in word]
        modules = [words[place + 1].replace(".", "/") for place, word in enumerate(words) if word == "-m"]
        assert all((ROOT / path).exists() for path in (*paths, *modules))
