"""What repeats the code is generated from it, and is current."""

import shutil
from pathlib import Path

import pytest

from infra.local.docs.__main__ import main
from infra.local.docs.pages import DOCS, DocsIncomplete, stale, wanted, whole_files


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A copy of the documentation that a test may spoil."""
    return Path(shutil.copytree(DOCS, tmp_path / "docs"))


def spoil(page: Path, old: str, new: str) -> None:
    text = page.read_text("utf-8")
    assert old in text
    page.write_text(text.replace(old, new, 1), "utf-8")


def test_the_documentation_is_current() -> None:
    assert stale() == []


def test_a_current_copy_passes_the_check(docs: Path) -> None:
    assert main(["--check", "--docs", str(docs)]) == 0


@pytest.mark.parametrize(
    ("page", "old", "new"),
    [
        ("event-contract.md", "| `tx_id` | yes |", "| `tx_id` | no |"),
        ("settings.md", "| `DATABASE_POOL_SIZE` | `4`", "| `DATABASE_POOL_SIZE` | `5`"),
        ("errors.md", "| `TX_NOT_FOUND` | 404 |", "| `TX_NOT_FOUND` | 410 |"),
        ("data-model.md", "`unique (hub, hub_created_at)`", "`unique (hub)`"),
        ("schemas/PaymentOrderUpserted.schema.json", '"status"', '"state"'),
        ("images/flow.svg", "stream_ledger", "stream_entries"),
        ("runbooks/database.md", "`C1-SYS-001`", "`C1-SYS-002`"),
    ],
)
def test_a_stale_file_fails_the_check_and_is_written_anew(docs: Path, page: str, old: str, new: str) -> None:
    spoil(docs / page, old, new)
    assert stale(docs) == [docs / page]
    assert main(["--check", "--docs", str(docs)]) == 1
    assert stale(docs) == [docs / page]
    assert main(["--docs", str(docs)]) == 0
    assert (docs / page).read_text("utf-8") == (DOCS / page).read_text("utf-8")


def test_what_people_wrote_around_a_block_is_kept(docs: Path) -> None:
    spoil(docs / "settings.md", "# Settings\n", "# Settings\n\nA sentence of mine.\n")
    assert stale(docs) == []


def test_a_meaning_that_people_wrote_is_kept(docs: Path) -> None:
    spoil(docs / "settings.md", "| the hub of ledger entries |", "| where entries come from \\| in parts |")
    assert stale(docs) == []


@pytest.mark.parametrize(
    ("page", "old", "new"),
    [
        ("settings.md", "| the hub of ledger entries |", "| |"),
        ("settings.md", "| `LEDGER_HUB_NAME` |", "| `LEDGER_HUB` |"),
        ("data-model.md", "| the newest version of every ledger entry |", "|  |"),
    ],
)
def test_a_row_without_meaning_is_refused(docs: Path, page: str, old: str, new: str) -> None:
    spoil(docs / page, old, new)
    with pytest.raises(LookupError):
        wanted(docs)
    assert main(["--docs", str(docs)]) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<!-- generated: status groups -->", ""),
        ("<!-- generated: status groups -->", "<!-- generated: statuses -->"),
        (
            "# The event contract\n",
            "# The event contract\n\n<!-- generated: more -->\n<!-- end of generated -->\n",
        ),
    ],
)
def test_a_block_that_is_missing_or_unknown_is_refused(docs: Path, old: str, new: str) -> None:
    spoil(docs / "event-contract.md", old, new)
    with pytest.raises(DocsIncomplete):
        wanted(docs)
    assert main(["--check", "--docs", str(docs)]) == 1


def test_a_missing_page_is_refused(docs: Path) -> None:
    (docs / "runbooks" / "lookup.md").unlink()
    with pytest.raises(DocsIncomplete):
        wanted(docs)


def test_a_missing_generated_file_is_written(docs: Path) -> None:
    for path, _ in whole_files():
        (docs / path).unlink()
    assert main(["--docs", str(docs)]) == 0
    assert stale(docs) == []


def test_nothing_generated_stands_beside_what_is_generated_now() -> None:
    here = {
        path.relative_to(DOCS).as_posix()
        for name in ("schemas", "images")
        for path in (DOCS / name).iterdir()
    }
    assert here == {path for path, _ in whole_files()}
