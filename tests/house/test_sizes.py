"""How long a file and a function may be."""

import ast

import pytest

from tests.house.sources import EVERYTHING, ROOT, Source, python_sources

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
ENTRY_LINES_MAX = 19
# A migration is a record of one change, as long as the change.
RECORDS = "migrations/versions/"


def too_long(source: Source) -> list[str]:
    """Files beyond their limit, and functions beyond theirs, from the first decorator to the last line."""
    lines = source.text.count("\n")
    found = [f"{source.path}: {lines} lines"] if lines > FILE_LINES_MAX else []
    for node in source.nodes():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            length = (node.end_lineno or first) - first + 1
            if length > FUNCTION_LINES_MAX:
                found.append(f"{source.at(node)}: {node.name} has {length} lines")
    return found


def test_no_file_and_no_function_is_too_long() -> None:
    sources = [source for source in python_sources(*EVERYTHING) if not source.path.startswith(RECORDS)]
    assert [finding for source in sources for finding in too_long(source)] == []


def test_the_entry_stays_short() -> None:
    assert (ROOT / "function_app.py").read_text("utf-8").count("\n") <= ENTRY_LINES_MAX


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("x = 1\n" * 400, 0),
        ("x = 1\n" * 401, 1),
        ("def f():\n" + "    x = 1\n" * 69, 0),
        ("def f():\n" + "    x = 1\n" * 70, 1),
        ("@g\ndef f():\n" + "    x = 1\n" * 69, 1),
        ("class A:\n    async def f(self):\n" + "        x = 1\n" * 70, 1),
    ],
)
def test_what_is_too_long_is_found(text: str, findings: int) -> None:
    assert len(too_long(Source("shared/long.py", text))) == findings
