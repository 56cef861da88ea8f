"""Tests that share a server run in one process."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.scheduling import SCOPES, scope_of

ROOT = Path(__file__).resolve().parents[3]
_SHARED = re.compile(r"@pytest\.fixture\([^)]*scope=\"(session|module|package)\"")


def users_of_shared_fixtures() -> set[str]:
    """The test files whose tests, or whose folder, have fixtures that outlive a test."""
    found: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        if _SHARED.search(path.read_text("utf-8")):
            files: Iterable[Path] = [path] if path.name != "conftest.py" else path.parent.rglob("test_*.py")
            found |= {file.relative_to(ROOT).as_posix() for file in files}
    return found


def test_no_file_with_shared_fixtures_is_spread_over_processes() -> None:
    files = users_of_shared_fixtures()
    assert "tests/functions/test_streams.py" in files
    assert [file for file in sorted(files) if scope_of(f"{file}::a") != scope_of(f"{file}::b")] == []


def test_every_scope_is_of_something() -> None:
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    assert [b for b, _ in SCOPES if not any(file.startswith(b) for file in files)] == []


@pytest.mark.parametrize(
    ("nodeid", "scope"),
    [
        ("tests/acceptance/anywhere/test_http.py::test_a[x::y]", "acceptance"),
        ("tests/acceptance/stack/test_send.py::test_a", "acceptance"),
        ("tests/acceptance/stack/test_lifecycle.py::test_a", "tests/acceptance/stack/test_lifecycle.py"),
        ("tests/functions/test_http.py::test_a@functions", "functions"),
        ("tests/local/sinks/test_sinks.py::test_a", "tests/local/sinks/test_sinks.py"),
        ("tests/unit/lookup/test_x.py::test_a[1]", "tests/unit/lookup/test_x.py::test_a[1]"),
    ],
)
def test_scope(nodeid: str, scope: str) -> None:
    assert scope_of(nodeid) == scope
