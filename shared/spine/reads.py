"""Every read of somebody who is known leaves a record, written in the transaction that reads."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from shared.audit.access.store import insert_access
from shared.errors.base import CounterfoilError
from shared.errors.catalog import entry_of
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.recording import access_of, looked_up_of

OURS = 500


@dataclass
class Reading:
    """A read as it goes: `count` is how many rows are answered, `site_id` the site of the one row that was asked for.

    A record without a site is shown only to those who see all sites.
    """

    connection: Connection
    now: datetime
    count: int = 1
    site_id: str | None = None


@contextmanager
def recorded_read(runtime: Runtime, context: Context, looked_up: Sequence[str] = ()) -> Iterator[Reading]:
    """One state to read from, and one record of who read it; `looked_up` are the ids asked for, kept as hashes.

    What is refused inside (not found, a wrong cursor) is recorded as well, and raised on. When the record cannot be
    written the read raises: nothing is answered.
    """
    started = time.perf_counter()
    hashes = looked_up_of(runtime, looked_up)
    refused: CounterfoilError | None = None
    with runtime.database.recording() as connection:
        reading = Reading(connection, runtime.clock.now())
        try:
            yield reading
        except CounterfoilError as error:
            if entry_of(error.code).http_status >= OURS:
                raise
            refused = error
        access = access_of(
            context,
            reading.now,
            time.perf_counter() - started,
            refused.code if refused else None,
            count=0 if refused else reading.count,
            site_id=reading.site_id,
            looked_up=hashes,
        )
        insert_access(connection, access)
    if refused is not None:
        refused.recorded = True
        raise refused
