"""Pairs that wait for a side or show an anomaly."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.database.cursor import CursorSigner, Part
from shared.errors.request import CursorInvalid
from shared.lookup.answer import PairLine, pair_lines, utc_text
from shared.lookup.model import ListedPair, PairFilter
from shared.lookup.store import list_pairs as list_stored
from shared.runtime import Runtime
from shared.spine.model import Context
from shared.spine.reads import recorded_read


@dataclass(frozen=True, slots=True, kw_only=True)
class PairsAnswer:
    """One page; `next` is the cursor of the following page, None on the last."""

    items: list[PairLine]
    next: str | None
    as_of: str


def list_pairs(
    runtime: Runtime, context: Context, wanted: PairFilter, *, limit: int, cursor: str | None = None
) -> PairsAnswer:
    """Up to `limit` pairs of the caller's sites that pass the filter. Raises CursorInvalid.

    A pair belongs to its order's site, else to its legs'. What is withheld of it is no ground to list it: an anomaly
    counts as far as it shows, and who is not shown since when a pair waits does not find it by its age.
    """
    signer = _signer(runtime, wanted)
    with recorded_read(runtime, context) as reading:
        after = None if cursor is None else _place(signer.read(cursor), wanted)
        until = None if wanted.older_than is None else reading.now - wanted.older_than
        found = list_stored(
            reading.connection, wanted, context.scope, until=until, after=after, limit=limit + 1
        )
        page = found[:limit]
        reading.count = len(page)
        reading.site_id = wanted.site if wanted.site and context.scope.holds(wanted.site) else None
    return PairsAnswer(
        items=pair_lines(page),
        next=signer.sign(_end_of(page[-1], wanted)) if len(found) > limit else None,
        as_of=utc_text(reading.now),
    )


def _signer(runtime: Runtime, wanted: PairFilter) -> CursorSigner:
    age = None if wanted.older_than is None else str(wanted.older_than.total_seconds())
    filters = {"state": wanted.state, "anomaly": wanted.anomaly, "site": wanted.site, "older_than": age}
    return CursorSigner(runtime.settings.cursor_signing_key, "pairs", filters)


def _end_of(last: ListedPair, wanted: PairFilter) -> Sequence[Part]:
    since = last.pair.incomplete_since
    return (since, last.pair.order_id) if wanted.is_by_age and since else (last.pair.order_id,)


def _place(parts: Sequence[Part], wanted: PairFilter) -> tuple[datetime | None, str]:
    match parts:
        case [datetime() as since, str() as order_id] if wanted.is_by_age:
            return since, order_id
        case [str() as order_id] if not wanted.is_by_age:
            return None, order_id
    raise CursorInvalid
