"""The project's own files, as the house rules look at them."""

import ast
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What is deployed: the rules about structure hold here.
PRODUCT = ("function_app.py", "functions", "shared")
EVERYTHING = (*PRODUCT, "migrations", "infra", "tests")

Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A Python file: its place from the root, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def name(self) -> str:
        """The file's name without its ending; a package is named __init__."""
        return Path(self.path).stem

    def nodes(self) -> Iterator[ast.AST]:
        return ast.walk(self.tree)

    def at(self, node: ast.AST) -> str:
        """A place a reader can jump to."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}"


@cache
def python_sources(*folders: str) -> tuple[Source, ...]:
    """Every Python file of these top-level folders and files, in order."""
    found: list[Source] = []
    for folder in folders:
        start = ROOT / folder
        files: Iterable[Path] = [start] if start.is_file() else sorted(start.rglob("*.py"))
        found += [Source(file.relative_to(ROOT).as_posix(), file.read_text("utf-8")) for file in files]
    return tuple(found)


@cache
def project_files() -> tuple[str, ...]:
    """Every file that belongs to the project: tracked, or new and not ignored; without git, what lies here."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        return tuple(name for name in sorted(listed.splitlines()) if (ROOT / name).is_file())
    files = (each.relative_to(ROOT) for each in ROOT.rglob("*") if each.is_file())
    return tuple(sorted(each.as_posix() for each in files if not _is_made(each)))


def _is_made(file: Path) -> bool:
    """Whether a file is made by running the project; all such folders begin with a dot, save Python's cache."""
    return "__pycache__" in file.parts or any(part.startswith(".") for part in file.parts[:-1])
