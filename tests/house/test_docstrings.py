"""Every module and every public function and class says what it is for.

Public is what has no underscore and stands at the top of its module. Tests say it with their names.
"""

import ast

import pytest

from tests.house.sources import PRODUCT, Source, python_sources

# Alembic calls these by name; what they do is said by their module.
_MIGRATION_STEPS = {"upgrade", "downgrade"}


def undocumented(source: Source) -> list[str]:
    if not source.tree.body:
        return []
    found = [] if ast.get_docstring(source.tree) else [f"{source.path}: the module"]
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            public = not node.name.startswith("_") and node.name not in _MIGRATION_STEPS
            if public and not ast.get_docstring(node):
                found.append(f"{source.at(node)}: {node.name}")
    return found


def test_the_product_explains_itself() -> None:
    sources = python_sources(*PRODUCT, "migrations")
    assert [finding for source in sources for finding in undocumented(source)] == []


def test_every_module_of_the_local_stack_and_of_the_tests_helpers_says_what_it_is() -> None:
    sources = [s for s in python_sources("infra", "tests") if not s.name.startswith("test_")]
    assert [f for source in sources for f in undocumented(source) if f.endswith(": the module")] == []


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("", 0),
        ("x = 1\n", 1),
        ('"""Says."""\n', 0),
        ('"""Says."""\ndef f(): ...\n', 1),
        ('"""Says."""\nclass A: ...\n', 1),
        ('"""Says."""\nasync def f(): ...\n', 1),
        ('"""Says."""\ndef f():\n    """Does."""\n', 0),
        ('"""Says."""\ndef _f(): ...\nclass _A: ...\n', 0),
        ('"""Says."""\nclass A:\n    """Is."""\n    def f(self): ...\n', 0),
    ],
)
def test_what_does_not_explain_itself_is_found(text: str, findings: int) -> None:
    assert len(undocumented(Source("shared/pay.py", text))) == findings
