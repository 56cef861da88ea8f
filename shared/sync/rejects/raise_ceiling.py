"""Raise a reject ceiling for a time, so that a held partition goes on at its next retry."""

from shared.runtime import Runtime
from shared.sync.errors import CeilingInvalid
from shared.sync.events.contract import Stream
from shared.sync.rejects.model import LASTS_MAX, Ceiling, Raise, Why
from shared.sync.rejects.scope import known_scope, require_why
from shared.sync.rejects.store import insert_reject_ceiling


def raise_ceiling(
    runtime: Runtime,
    stream: Stream,
    partition_id: str | None,
    wanted: Raise,
    why: Why,
    *,
    dry_run: bool = False,
) -> Ceiling:
    """The ceiling as it is written, or with `dry_run` as it would be. Raises CeilingInvalid."""
    _check(wanted, runtime.settings.event_reject_share_max)
    require_why(why)
    now = runtime.clock.now()
    database = runtime.database
    with database.rehearsal() if dry_run else database.transaction() as connection:
        scope = known_scope(connection, runtime.settings, stream, partition_id)
        return insert_reject_ceiling(connection, scope, wanted, why, now)


def _check(wanted: Raise, share_max: float) -> None:
    share, lasts = wanted
    if not share_max < share <= 1:
        raise CeilingInvalid(
            f"a ceiling is raised above EVENT_REJECT_SHARE_MAX ({share_max}) to at most 1, not to {share}"
        )
    if share != round(share, 4):
        raise CeilingInvalid(f"a share has at most four decimals, {share} has more")
    if not 0 < lasts.total_seconds() <= LASTS_MAX.total_seconds():
        raise CeilingInvalid(
            f"a ceiling is raised for up to {LASTS_MAX.days} days, not for {lasts.total_seconds():g} seconds"
        )
