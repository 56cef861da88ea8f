"""What no file of the project may hold: unfinished work, patched modules, tests that do not run."""

import ast
import re
from collections.abc import Iterable

import pytest

from tests.house.sources import EVERYTHING, ROOT, Source, project_files, python_sources

# Put together here, so that this file does not find itself.
_UNFINISHED = re.compile(r"\b(?:{})\b".format("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X"))))
_TEXT_ENDINGS = (
    ".py",
    ".md",
    ".toml",
    ".json",
    ".yaml",
    ".yml",
    ".sql",
    ".sh",
    ".txt",
    ".bicep",
    ".mako",
    "Makefile",
)
_VAGUE = {
    "service",
    "services",
    "util",
    "utils",
    "helper",
    "helpers",
    "common",
    "manager",
    "managers",
    "misc",
}
_PYTEST_WAYS_OUT = {"skip", "skipif", "xfail", "importorskip"}


def unfinished(path: str, text: str) -> list[str]:
    """Lines with a mark of work left undone."""
    lines = text.splitlines()
    return [f"{path}:{number}" for number, line in enumerate(lines, 1) if _UNFINISHED.search(line)]


def ways_around(source: Source) -> list[str]:
    """Mocks, patched attributes, and tests that are passed over."""
    return [f"{source.at(node)}: {what}" for node in source.nodes() if (what := _way_around(node))]


def _way_around(node: ast.AST) -> str:
    if isinstance(node, ast.Import):
        return next((each.name for each in node.names if each.name.startswith(("unittest.mock", "mock"))), "")
    if isinstance(node, ast.ImportFrom):
        names = [f"{node.module}.{each.name}" for each in node.names]
        return next(
            (name for name in names if name.startswith(("unittest.mock", "mock.")) or _leaves(name)), ""
        )
    if isinstance(node, ast.arg) and node.arg == "mocker":
        return "mocker"
    if isinstance(node, ast.Attribute):
        whole = ast.unparse(node)
        return whole if whole == "monkeypatch.setattr" or _leaves(whole) else ""
    return ""


def _leaves(name: str) -> bool:
    first, *rest = name.split(".")
    return first == "pytest" and bool(_PYTEST_WAYS_OUT.intersection(rest))


def vague(paths: Iterable[str]) -> list[str]:
    """Files and folders named for nothing in particular, where everything ends up."""
    return [path for path in paths if _VAGUE.intersection(part.split(".")[0] for part in path.split("/"))]


def test_nothing_is_left_undone() -> None:
    found = []
    for path in project_files():
        if path.endswith(_TEXT_ENDINGS):
            found += unfinished(path, (ROOT / path).read_text("utf-8"))
    assert found == []


def test_nothing_is_patched_or_passed_over() -> None:
    assert [finding for source in python_sources(*EVERYTHING) for finding in ways_around(source)] == []


def test_every_file_has_a_name_of_its_own() -> None:
    assert vague(path for path in project_files() if path.endswith(".py")) == []


@pytest.mark.parametrize("path", ["shared/utils.py", "shared/common/dates.py", "infra/local/manager.py"])
def test_a_vague_name_is_found(path: str) -> None:
    assert vague([path, "shared/pairing/store.py"]) == [path]


@pytest.mark.parametrize("mark", ["# to" + "do later", "# TO" + "DO: later", "x = 1  # FIX" + "ME"])
def test_undone_work_is_found(mark: str) -> None:
    assert len(unfinished("shared/pay.py", f"x = 1\n{mark.replace('to' + 'do', 'TO' + 'DO')}\n")) == 1


def test_an_ordinary_word_is_no_mark() -> None:
    assert unfinished("docs/guide.md", "A mastodon, a prefix, METHODS and XXXL.\n") == []


@pytest.mark.parametrize(
    "line",
    [
        "from unittest import mock",
        "from unittest.mock import patch",
        "import unittest.mock",
        "import mock",
        "def test(mocker): ...",
        "monkeypatch.setattr(module, 'name', 1)",
        "pytest.skip('not here')",
        "pytest.mark.skip",
        "@pytest.mark.skipif(True, reason='')\ndef test(): ...",
        "@pytest.mark.xfail\ndef test(): ...",
        "from pytest import skip",
        "import pytest\nmodule = pytest.importorskip('redis')",
    ],
)
def test_a_way_around_is_found(line: str) -> None:
    assert len(ways_around(Source("tests/unit/test_x.py", line))) == 1


@pytest.mark.parametrize(
    "line", ["monkeypatch.setenv('A', 'b')", "skip = 3", "stream.skip(4)", "import unittest"]
)
def test_what_only_looks_like_one_passes(line: str) -> None:
    assert ways_around(Source("tests/unit/test_x.py", line)) == []
