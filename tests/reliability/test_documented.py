"""The table of families in the documentation is the one the code gives."""

import pytest

from tests.support.families import BEGIN, END, PAGE, table, with_table


def test_the_table_is_current() -> None:
    page = PAGE.read_text("utf-8")
    assert with_table(page) == page


def test_another_table_would_be_found() -> None:
    page = f"# Page\n{BEGIN}| story |\n{END}end\n"
    assert with_table(page) == f"# Page\n{BEGIN}{table()}{END}end\n"
    with pytest.raises(ValueError, match="families"):
        with_table("# Page\n")
