"""Paging parameters every list takes: limit and cursor."""

from functions.edge.endpoint import LIMIT_MAX
from functions.edge.fields import Fields
from shared.database.cursor import CURSOR_CHARACTERS_MAX

PAGE_PARAMETERS = ("limit", "cursor")
# What a look-up may read of a list at once.
LOOKUP_LIMIT_MAX = 100
LIMIT_DEFAULT = 20


def page_of(fields: Fields, limit_max: int = LIMIT_MAX) -> tuple[int, str | None]:
    """How many rows, at most what the endpoint declares, and the cursor to go on from."""
    limit = fields.whole_number("limit", 1, limit_max, LIMIT_DEFAULT)
    return limit, fields.text("cursor", CURSOR_CHARACTERS_MAX)
