"""Links resolve; commands, settings, codes and files that are named exist; every runbook has its page."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from shared.adapters.telemetry import metric_names
from shared.errors.catalog import CATALOG
from shared.settings import FAMILIES, PLATFORM_NAMES, setting_names
from tests.unit.docs.markdown import DOCS, ROOT, anchors, code_words, commands, links, pages

CODES = {entry.code for entry in CATALOG}
CODE_FAMILIES = ("CONTRACT_", "SYNC_", "AUTH_", "C1-", "SYS_", "TX_", "CURSOR_", "REQUEST_")
SETTINGS = {*setting_names(), "MIGRATOR_DATABASE_URL"}
FOLDERS = ("docs/", "functions/", "infra/", "migrations/", "shared/", "tests/", ".github/", ".ci/")
# A name in capitals with an underscore or a digit, as settings and codes are spelt.
_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:[_-][A-Z0-9]+)+")
_MAKE = re.compile(r"\bmake ([a-z][a-z-]*)")
_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)


def broken_links(page: Path) -> list[str]:
    """Links to files that are not there, and to headings no page has."""
    found = []
    for target in links(page):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            found.append(target)
    return found


def unknown_names(words: Iterable[str]) -> list[str]:
    """Names that look like a setting or like a code, and are neither."""
    families = (*FAMILIES, *CODE_FAMILIES, "MIGRATOR_", "EVENTHUBS_")
    return [
        word
        for word in words
        if ((_NAME.fullmatch(word) and word.startswith(families)) or word.startswith("EventHubs__"))
        and word not in SETTINGS | CODES
    ]


def missing_files(words: Iterable[str]) -> list[str]:
    """Paths from the root that do not exist; a place for anybody's own file is none."""
    return [
        word
        for word in words
        if word.startswith(FOLDERS)
        and not re.search(r"[<>*…\s]", word)
        and not (ROOT / word.split(":")[0]).exists()
    ]


def unknown_targets(lines: Iterable[str]) -> list[str]:
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text("utf-8")))
    return [target for line in lines for target in _MAKE.findall(line) if target not in targets]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_exists(page: Path) -> None:
    assert broken_links(page) == []
    assert unknown_names(code_words(page)) == []
    assert missing_files(code_words(page)) == []
    assert unknown_targets(commands(page)) == []


def test_a_breach_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A: first *page*\n[a](#a-first-page) [b](#b) [c](c.md) [d](page.md#a-first-page) [e](https://e)\n"
    )
    assert broken_links(page) == ["#b", "c.md"]
    assert unknown_names(
        ["DATABASE_POOL_SIZE", "DATABASE_POOL", "CONTRACT_ODD", "EventHubs__id", "PAYMENT_ORDER"]
    ) == [
        "DATABASE_POOL",
        "CONTRACT_ODD",
        "EventHubs__id",
    ]
    assert missing_files(["shared/sync/store.py:4", "shared/sync/shop.py", "shared/<room>/pay.py"]) == [
        "shared/sync/shop.py"
    ]
    assert unknown_targets(["make run FRESH=1", "say make coffee"]) == ["coffee"]


def test_every_runbook_of_the_catalog_has_a_page_and_every_page_is_named() -> None:
    assert {page.stem for page in (DOCS / "runbooks").glob("*.md")} == {entry.runbook for entry in CATALOG}


@pytest.mark.parametrize("page", sorted((DOCS / "runbooks").glob("*.md")), ids=lambda page: page.stem)
def test_a_runbook_has_all_its_parts(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)
    assert headings == ["What you see", "What it means", "Check", "Do", "Do not"]


def test_every_command_is_documented_somewhere() -> None:
    """`make help` says it in a line; a page says what it is for."""
    targets = set(_TARGET.findall((ROOT / "Makefile").read_text("utf-8"))) - {"lint", "types", "lock"}
    said = {target for page in pages() for line in commands(page) for target in _MAKE.findall(line)}
    assert targets - said == set()


def test_every_metric_and_every_setting_is_documented() -> None:
    words = {word for page in pages() for word in code_words(page)}
    assert {*metric_names(), *setting_names(), *PLATFORM_NAMES.values()} - words == set()


def test_no_page_stands_alone() -> None:
    """Every page can be reached from the README by links."""
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in links(page):
            file = (page.parent / target.partition("#")[0]).resolve()
            ahead += sorted(file.glob("*.md")) if file.is_dir() else [file] if file.suffix == ".md" else []
    assert set(pages()) - reached == set()
