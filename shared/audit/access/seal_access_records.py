"""Seal what was recorded since the last seal, once a minute; harmless when run twice, and by two at once.

A record is sealed when it is committed and older than five seconds. Ids are given before the commit, so that a later
one may be seen first: nothing is concluded from their order. What a transaction still open may record is known by the
time it began, and from there the next seal looks again.
"""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from shared.audit import store
from shared.audit.access import store as records
from shared.audit.access.model import AccessRecord
from shared.audit.access.seals import TARGET, seal_state
from shared.audit.access.unsealed import open_part
from shared.audit.append_entry import append_entry
from shared.audit.model import Action, Chain, Facts, Outcome, PrincipalType
from shared.runtime import Runtime

AGE_SECONDS_MIN = 5.0
# Each record may need a range of its own, and an entry has a largest size.
RECORDS_PER_SEAL_MAX = 5_000
SEALS_PER_RUN_MAX = 200
ACTOR = "counterfoil"


def seal_access_records(runtime: Runtime) -> int:
    """How many records were sealed."""
    return seal_older_than(runtime, timedelta(seconds=AGE_SECONDS_MIN))


def seal_older_than(runtime: Runtime, age: timedelta) -> int:
    """Seal what is older than that, in as many seals as it takes."""
    sealed = 0
    for _ in range(SEALS_PER_RUN_MAX):
        with runtime.database.transaction() as connection:
            count = _seal_once(connection, age, runtime.clock.now())
        sealed += count
        if count < RECORDS_PER_SEAL_MAX:
            break
    return sealed


def _seal_once(connection: Connection, age: timedelta, now: datetime) -> int:
    # The lock first: of two sealers the second one sees what the first one sealed.
    store.lock_head(connection, Chain.ACCESS)
    moment, oldest = records.fetch_moment(connection)
    start, sealed = open_part(connection)
    found = records.list_unsealed(connection, start, moment - age, sealed, RECORDS_PER_SEAL_MAX)
    if not found:
        return 0
    whole = len(found) < RECORDS_PER_SEAL_MAX
    open_from = min(oldest, moment - age if whole else found[-1].recorded_at)
    append_entry(connection, _facts(found, open_from, now))
    return len(found)


def _facts(found: list[AccessRecord], open_from: datetime, now: datetime) -> Facts:
    return Facts(
        chain=Chain.ACCESS,
        occurred_at=now,
        actor=ACTOR,
        principal_type=PrincipalType.SYSTEM,
        action=Action.ACCESS_SEAL,
        target_type=TARGET,
        outcome=Outcome.DONE,
        after=seal_state(sorted(found, key=lambda record: record.record_id), open_from),
    )
