"""The table of test families in docs/testing.md: what each proves, and the planted defects it finds.

`python -m tests.support.families` writes it anew.
"""

from collections.abc import Sequence
from pathlib import Path

from tests.database.approvals.test_canaries import DEFECTS as APPROVAL_DEFECTS
from tests.database.audit.test_canaries import DEFECTS as AUDIT_DEFECTS
from tests.database.audit.test_canaries import SPOILED
from tests.database.sync.test_canaries import DEFECTS as ORDER_DEFECTS
from tests.reliability.test_canaries import DEFECTS as DISASTER_DEFECTS
from tests.support.approval_stories import APPROVAL_STORIES
from tests.support.audit_stories import AUDIT_STORIES
from tests.support.reliability_stories import RELIABILITY_STORIES
from tests.support.stories import STORIES, Story

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"
BEGIN, END = "<!-- families: begin -->\n", "<!-- families: end -->\n"


def table() -> str:
    """One row per story: its name, the first line of what it says, and its defects."""
    lines = ["| story | what must hold | planted defects it finds |", "|---|---|---|"]
    for story in (*STORIES, *RELIABILITY_STORIES, *AUDIT_STORIES, *APPROVAL_STORIES):
        holds = (story.__doc__ or "").strip().splitlines()[0]
        lines.append(f"| {_words(story.__name__)} | {holds} | {'; '.join(_defects(story))} |")
    return "\n".join(lines) + "\n"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _defects(story: Story) -> Sequence[str]:
    planted = (*ORDER_DEFECTS, *DISASTER_DEFECTS, *AUDIT_DEFECTS, *APPROVAL_DEFECTS)
    found = [(defect.name, defect.story) for defect in planted]
    found += [(name, of) for name, (of, _) in SPOILED.items()]
    return [name for name, of in found if of == story.__name__]


def with_table(page: str) -> str:
    """The page with the table as it should be. Raises ValueError when the page has no place for it."""
    before, _, rest = page.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError("no place for the table of families")
    return f"{before}{BEGIN}{table()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text("utf-8")), "utf-8")
