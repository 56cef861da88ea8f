"""A chain read page by page: each page is a statement of its own, because what was read never changes."""

from collections.abc import Iterator

from shared.audit import store
from shared.audit.model import Chain, Entry
from shared.database import Database

ENTRIES_PER_PAGE = 1_000


def entry_pages(database: Database, chain: Chain, after: int, last: int) -> Iterator[list[Entry]]:
    """The entries behind a position up to `last`; no connection is held while a page is worked on."""
    while after < last:
        with database.statement() as connection:
            page = store.list_entries(connection, chain, after=after, last=last, limit=ENTRIES_PER_PAGE)
        if not page:
            return
        yield page
        after = page[-1].position
