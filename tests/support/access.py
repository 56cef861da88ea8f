"""Access records for tests: read, sealed at once, archived weeks later, and spoiled by who owns the database."""

from datetime import timedelta
from functools import partial
from typing import Any

import psycopg

from shared.audit.access.archives import lines_among, read_months
from shared.audit.access.seal_access_records import seal_older_than
from shared.audit.access.seals import Seal, seal_of
from shared.audit.access.verify_seals import SealCheck, verify_seals
from shared.audit.keys import public_keys
from shared.runtime import Runtime
from shared.spine.reads import recorded_read
from tests.support.audit import stored
from tests.support.runtime import StandingClock
from tests.support.spine import context

Owner = psycopg.Connection[Any]
AT_ONCE = timedelta(0)


def read(runtime: Runtime, count: int = 1, **changes: Any) -> None:
    """So many reads of one id."""
    for number in range(count):
        with recorded_read(runtime, context(**changes), [f"tx-{number}"]):
            pass


def seal(runtime: Runtime) -> int:
    """Seal all that is committed."""
    return seal_older_than(runtime, AT_ONCE)


def seals(owner: Owner) -> list[Seal]:
    """Every seal, in order."""
    found = [seal_of(entry) for entry in stored(owner, "access")]
    return [each for each in found if each is not None]


def check(runtime: Runtime) -> SealCheck:
    """All seals beside the rows and the archives."""
    months, finding = read_months(runtime.blobs, public_keys(runtime.secrets))
    assert finding is None
    return verify_seals(runtime.database, partial(lines_among, runtime.blobs, months), 1, 1_000_000)


def weeks_later(runtime: Runtime, days: int = 40) -> None:
    """The runtime's clock behind the end of the month the server is in."""
    with runtime.database.statement() as connection:
        now = connection.exec_driver_sql("SELECT now()").scalar_one()
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.instant = now + timedelta(days=days)


def spoil(owner: Owner, statement: str, *values: object) -> int:
    """Change access records past every rule; how many."""
    owner.execute("ALTER TABLE access_records DISABLE TRIGGER USER")
    return owner.execute(statement.encode(), values).rowcount
