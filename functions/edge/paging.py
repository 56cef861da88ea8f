"""Paging parameters every list takes: limit and cursor."""

from functions.edge.fields import Fields
from shared.database.cursor import CURSOR_CHARACTERS_MAX

PAGE_PARAMETERS = ("limit", "cursor")
LIMIT_MAX = 200
LIMIT_DEFAULT = 20


def page_of(fields: Fields) -> tuple[int, str | None]:
    """How many rows, and the cursor to go on from."""
    limit = fields.whole_number("limit", 1, LIMIT_MAX, LIMIT_DEFAULT)
    return limit, fields.text("cursor", CURSOR_CHARACTERS_MAX)
