"""The flood guard: when most of a batch is bad, it is us, or somebody's bad release; not a matter of single events.

What counts are the events the partition has not received before, without those of unknown sites: a site that was
never registered is one missing row, and what comes again has been decided already. Of a redelivered batch nothing
counts, so it is never a flood.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from shared.settings import Settings
from shared.sync.errors import RejectFlood, SiteUnknown
from shared.sync.model import EventBatch, Rejection
from shared.sync.read_batch import ReadBatch
from shared.sync.rejects import store
from shared.sync.rejects.model import Scope
from shared.sync.store import Position, storable_json

CODE = RejectFlood.code
EXAMPLES_MAX = 5
DETAIL_LENGTH_MAX = 300


@dataclass(frozen=True)
class _Flood:
    """The events of a batch that count, and the bad ones among them."""

    numbers: Sequence[int]
    bad: Sequence[Rejection]

    def exceeds(self, share: Decimal) -> bool:
        return len(self.bad) > share * len(self.numbers)


def refuse_flood(
    connection: Connection, read: ReadBatch, position: Position, settings: Settings, now: datetime
) -> None:
    """Raise RejectFlood when more of a batch is bad than the ceiling that holds now allows.

    A batch with few bad events costs nothing here; the ceiling is read anew each time a batch is suspicious.
    """
    share, size_min = Decimal(str(settings.event_reject_share_max)), settings.event_reject_batch_min
    bad = [rejection for rejection in read.rejections if not isinstance(rejection.error, SiteUnknown)]
    if len(bad) <= share * size_min:
        return
    flood = _counted(connection, read, position, bad)
    if len(flood.numbers) < size_min or not flood.exceeds(share):
        return
    batch = read.batch
    scope = Scope(batch.stream, batch.hub, batch.partition_id)
    ceiling = store.fetch_reject_ceiling(connection, scope, now)
    if ceiling is not None:
        share = max(share, ceiling.share)
    if flood.exceeds(share):
        raise _error(batch, position, flood, share, now)


def _counted(connection: Connection, read: ReadBatch, position: Position, bad: Sequence[Rejection]) -> _Flood:
    numbers = {event.sequence_number for event in read.batch.events}
    apart = {r.event.sequence_number for r in read.rejections if isinstance(r.error, SiteUnknown)}
    apart |= store.list_received(connection, position.position_id, sorted(numbers))
    counted = sorted((r for r in bad if r.event.sequence_number not in apart), key=_number)
    return _Flood(sorted(numbers - apart), counted)


def _number(rejection: Rejection) -> int:
    return rejection.event.sequence_number


def _error(
    batch: EventBatch, position: Position, flood: _Flood, share: Decimal, now: datetime
) -> RejectFlood:
    """The first number that counts names the flood: it is the same at every retry, wherever the batch begins."""
    by_code = Counter(rejection.error.code for rejection in flood.bad)
    first, bad, size = flood.numbers[0], len(flood.bad), len(flood.numbers)
    place = f"{batch.hub}:{position.generation}:{batch.partition_id}:{first}"
    facts = {
        "code": CODE,
        "stream": batch.stream,
        "hub": batch.hub,
        "generation": position.generation,
        "partition_id": batch.partition_id,
        "first_sequence_number": first,
        "last_sequence_number": flood.numbers[-1],
        "events": size,
        "bad": bad,
        "share_max": float(share),
        "inside_gap": position.high_water is not None and flood.numbers[-1] < position.high_water,
        "by_code": dict(by_code.most_common()),
        "examples": [_example(rejection) for rejection in _examples(flood.bad)],
        "at": now.isoformat(),
    }
    told = f"{bad} of {size} new events of partition {batch.partition_id} of {batch.hub} are bad: {dict(by_code)}"
    return RejectFlood(told, f"{CODE}:{place}", facts)


def _examples(bad: Sequence[Rejection]) -> list[Rejection]:
    """Up to five, each kind of mistake before a second one of the same kind."""
    seen: Counter[tuple[str, str | None]] = Counter()
    ranked: list[tuple[int, int, Rejection]] = []
    for place, rejection in enumerate(bad):
        kind = (rejection.error.code, rejection.error.field)
        ranked.append((seen[kind], place, rejection))
        seen[kind] += 1
    ranked.sort(key=lambda each: each[:2])
    return [rejection for _, _, rejection in ranked[:EXAMPLES_MAX]]


def _example(rejection: Rejection) -> Any:
    error = rejection.error
    return storable_json(
        {
            "sequence_number": rejection.event.sequence_number,
            "code": error.code,
            "field": error.field,
            "detail": error.detail[:DETAIL_LENGTH_MAX],
        }
    )
