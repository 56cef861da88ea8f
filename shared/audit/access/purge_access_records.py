"""Purge days of access records that are over: only what is whole in a verified archive, and held by nobody.

It runs as the role counterfoil_retention, the only one that may; each day goes with its own entry, in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from sqlalchemy import Connection

from shared.audit.access import store
from shared.audit.access.archives import ArchivedMonth, lines_among, read_months
from shared.audit.access.seals import Seal, union_text
from shared.audit.access.verify_seals import verify_seals
from shared.audit.append_entry import append_entry
from shared.audit.errors import PurgeRefused
from shared.audit.keys import public_keys
from shared.audit.model import Action, Chain, Facts, Outcome, PrincipalType
from shared.runtime import Runtime

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Purged:
    """One day, and how many records went."""

    day: date
    records: int


def purge_access_records(runtime: Runtime, actor: str, reason: str, *, dry_run: bool = False) -> list[Purged]:
    """The days that went, or with `dry_run` that would go, the oldest first. Raises PurgeRefused at the first that may
    not go: nothing behind it goes either.
    """
    if not actor.strip() or not reason.strip():
        raise PurgeRefused("a purge has somebody who does it and a reason")
    now = runtime.clock.now()
    last = now.date() - timedelta(days=runtime.settings.access_records_kept_days)
    with runtime.database.statement() as connection:
        days = [day for day in store.list_days(connection) if day <= last]
    if not days:
        return []
    months, finding = read_months(runtime.blobs, public_keys(runtime.secrets))
    if finding is not None:
        raise PurgeRefused(f"an archive does not hold: {finding.flaw} at {finding.position}")
    purged = []
    for day in days:
        seals = _seals_of(months, day)
        _require_holding(runtime, months, seals, day)
        facts = _facts(day, actor, reason, now, seals)
        with runtime.database.rehearsal() if dry_run else runtime.database.transaction() as connection:
            purged.append(Purged(day, _purge(connection, day, seals, facts)))
    return purged


def _seals_of(months: Sequence[ArchivedMonth], day: date) -> list[Seal]:
    """The archived seals that may hold records of a day."""
    start, end = _bounds(day)
    seals = [kept.seal for month in months for kept in month.examined.kept.values()]
    return [seal for seal in seals if seal.first_recorded_at < end and seal.last_recorded_at >= start]


def _bounds(day: date) -> tuple[datetime, datetime]:
    start = datetime.combine(day, time(), UTC)
    return start, start + _DAY


def _require_holding(
    runtime: Runtime, months: Sequence[ArchivedMonth], seals: Sequence[Seal], day: date
) -> None:
    """What is purged must be what was sealed: a record that was changed is evidence, and stays."""
    lines_of = partial(lines_among, runtime.blobs, months)
    for seal in seals:
        check = verify_seals(runtime.database, lines_of, seal.position, seal.position)
        if check.finding or check.seals != 1:
            raise PurgeRefused(f"{day}: the records of the seal at {seal.position} are not what was sealed")


def _purge(connection: Connection, day: date, seals: Sequence[Seal], facts: Facts) -> int:
    start, end = _bounds(day)
    left, _ = store.count_unsealed(connection, start, end - timedelta(microseconds=1), union_text(seals))
    if left:
        raise PurgeRefused(f"{day}: {left} records are in no archived seal")
    records = store.drop_access_partition(connection, day) or 0
    append_entry(connection, facts)
    return records


def _facts(day: date, actor: str, reason: str, now: datetime, seals: Sequence[Seal]) -> Facts:
    return Facts(
        chain=Chain.CONTROL,
        occurred_at=now,
        actor=actor,
        principal_type=PrincipalType.PERSON,
        action=Action.RECORDS_PURGE,
        target_type="access_records",
        target_id=str(day),
        outcome=Outcome.DONE,
        reason=reason,
        before={"seals": [seal.position for seal in seals][:1_000]},
        after={"state": "ARCHIVED_ONLY"},
    )
