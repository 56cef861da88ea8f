"""The history of the schema is one line: one beginning, one end, every step following one other."""

import ast
from collections import Counter
from collections.abc import Iterable

import pytest

from tests.house.sources import Source, python_sources

VERSIONS = "migrations/versions/"


def identity(source: Source) -> tuple[str | None, str | None]:
    """A migration's revision and the one it follows."""
    values: dict[str, str | None] = {}
    for node in source.tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            values[node.targets[0].id] = (
                ast.literal_eval(node.value) if isinstance(node.value, ast.Constant) else "?"
            )
    return values.get("revision"), values.get("down_revision", "?")


def breaks(sources: Iterable[Source]) -> list[str]:
    """Where the chain is not one line from its beginning to its end."""
    steps = [(source, *identity(source)) for source in sources]
    known = {revision for _, revision, _ in steps}
    found = [f"{source.path}: is named after another revision" for source, revision, _ in steps
             if not source.name.startswith(f"{revision}_")]  # fmt: skip
    found += [f"{source.path}: follows {follows}, which is not there" for source, _, follows in steps
              if follows is not None and follows not in known]  # fmt: skip
    found += [
        f"{times} steps follow {each}" for each, times in Counter(f for _, _, f in steps).items() if times > 1
    ]
    found += [f"{revision} stands twice" for revision, n in Counter(r for _, r, _ in steps).items() if n > 1]
    if None not in {follows for _, _, follows in steps}:
        found.append("there is no beginning")
    return found


def migration(name: str, revision: str, follows: str | None) -> Source:
    return Source(f"{VERSIONS}{name}.py", f"revision = {revision!r}\ndown_revision = {follows!r}\n")


def test_the_history_is_one_line() -> None:
    sources = [source for source in python_sources("migrations") if source.path.startswith(VERSIONS)]
    assert sources
    assert breaks(sources) == []


FIRST, SECOND, THIRD = (
    migration("0001_one", "0001", None), migration("0002_two", "0002", "0001"), migration("0003_three", "0003", "0002"),
)  # fmt: skip


def test_three_steps_in_a_row_pass() -> None:
    assert breaks([FIRST, SECOND, THIRD]) == []


@pytest.mark.parametrize(
    "sources",
    [
        [FIRST, THIRD],
        [FIRST, SECOND, migration("0003_three", "0003", "0001")],
        [FIRST, SECOND, migration("0003_three", "0003", None)],
        [FIRST, SECOND, migration("0003_three", "0004", "0002")],
        [FIRST, SECOND, migration("0002_again", "0002", "0001")],
        [migration("0001_one", "0001", "0002"), SECOND],
        [FIRST, Source(f"{VERSIONS}0002_two.py", "revision = '0002'\n")],
        [FIRST, Source(f"{VERSIONS}0002_two.py", "revision = '0002'\ndown_revision = ('0001', '0000')\n")],
    ],
)
def test_a_break_is_found(sources: list[Source]) -> None:
    assert breaks(sources) != []
