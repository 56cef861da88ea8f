"""The pages of the documentation, and what can be read out of them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs"
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


class Fence(NamedTuple):
    """A fenced block: what stands behind its opening fence, its text without indent, and the line above it."""

    info: str
    text: str
    above: str


def pages() -> list[Path]:
    """Every page a reader can open."""
    return sorted([*DOCS.rglob("*.md"), ROOT / "CHANGELOG.md", ROOT / "README.md"])


def fences(page: Path) -> list[Fence]:
    """The fenced blocks of a page in order."""
    text = page.read_text("utf-8")
    found = []
    for match in _FENCE.finditer(text):
        above = text[: match.start()].rstrip().rpartition("\n")[2].strip()
        lines = [line.removeprefix(match["indent"]) for line in match["text"].splitlines()]
        found.append(Fence(match["info"].strip(), "\n".join(lines), above))
    return found


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def code_words(page: Path) -> Iterator[str]:
    """What stands between backticks."""
    yield from _CODE.findall(prose(page))


def commands(page: Path) -> Iterator[str]:
    """What a reader would type: words between backticks, and indented lines."""
    yield from code_words(page)
    yield from (line.strip() for line in page.read_text("utf-8").splitlines() if line.startswith("    "))


def links(page: Path) -> list[str]:
    """The targets of links to files of the project; addresses elsewhere are passed over."""
    return [target for target in _LINK.findall(prose(page)) if not re.match(r"[a-z]+:", target)]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(prose(page)))
    return {heading.replace(" ", "-") for heading in plain}


def table_under(page: Path, heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, its head left out."""
    _, _, rest = page.read_text("utf-8").partition(f"# {heading}\n")
    rows: list[list[str]] = []
    for line in rest.splitlines():
        if line.startswith("|"):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif rows:
            break
    return rows[2:]
