"""Stories of the loss proof: every hole is found, told and closed; what is unknown is never called 0."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg

from shared.adapters.event_hubs import HubState
from shared.runtime import Runtime
from shared.sync.describe_sync import describe_sync
from shared.sync.loss.model import Wish
from shared.sync.replay_range import replay_range
from shared.sync.watch_sync import watch_sync
from tests.support.callers import operating
from tests.support.lookups import looking
from tests.support.loss import (
    HUB,
    MADE,
    alerts,
    clock_of,
    enqueued,
    gaps,
    hold,
    received,
    sent_of,
    take,
    told_hubs,
)
from tests.support.runtime import NOON, ToldHubs
from tests.support.sync_events import ingest
from tests.support.sync_state import totals

Owner = psycopg.Connection[Any]
LEDGER = ("ledger", "0")


def every_hole_is_found_and_closed(runtime: Runtime, owner: Owner) -> None:
    """Each of three holes is a gap and an alert with its exact range, and a range replay closes what is readable."""
    for numbers in ([0, 1], [4], [6, 7], [10]):
        take(runtime, numbers)
    hold(runtime, 3, 10)
    watch_sync(runtime)
    assert [row[:2] for row in gaps(owner)] == [(2, 3), (5, 5), (8, 9)]
    assert [told["missing"] for told in alerts(owner, "SYNC_SEQUENCE_GAP")] == [[[2, 3]], [[5, 5]], [[8, 9]]]
    (done,) = replay_range(runtime, operating("ada"), Wish(), "the host lost a batch")
    assert (done.events, done.missing) == ({"applied": 4}, ((2, 2),))
    assert [row[2:] for row in gaps(owner)] == [
        ("{[2,3)}", "{[2,3)}", "EXPIRED"),
        ("{}", "{}", "CLOSED"),
        ("{}", "{}", "CLOSED"),
    ]
    assert received(owner) == ["{[0,2),[3,11)}"]
    assert totals(owner) == {"applied": 10}


def what_cannot_be_asked_is_unknown(runtime: Runtime, owner: Owner) -> None:
    """Without the broker lag is None, never 0, in the watch and in the status; what we hold is told all the same."""
    take(runtime, [0, 1])
    take(runtime, [4])
    told_hubs(runtime).reachable = False
    watch = watch_sync(runtime)
    assert (watch.lag_events, watch.lag_seconds) == ({LEDGER: None}, {LEDGER: None})
    assert watch.silent == {}
    (status,) = describe_sync(runtime, looking(), 1.0).partitions
    assert (status.lag_events, status.lag_seconds, status.hub_head) == (None, None, None)
    assert (status.received, status.missing_events) == (3, 2)
    assert [row[-1] for row in gaps(owner)] == ["OPEN"]


def every_stall_is_told_of(runtime: Runtime, owner: Owner) -> None:
    """A partition stands still twice at one number, because the hub dropped what was unread in between: two alerts."""
    take(runtime, [1, 2])
    for first, last in ((0, 9), (10, 9), (10, 12)):
        hold(runtime, first, last)
        for _ in range(8):
            watch_sync(runtime)
            clock_of(runtime).move(minutes=1)
    assert [told["own_number"] for told in alerts(owner, "SYNC_STALLED")] == [2, 2]


def what_will_expire_is_told_of_in_time(runtime: Runtime, owner: Owner) -> None:
    """An event in an open gap is as good as unread: told of at half of the retention, and again when it is gone."""
    take(runtime, [0, 1])
    take(runtime, [9])
    hold(runtime, 0, 9)
    watch_sync(runtime)
    clock_of(runtime).instant = enqueued(2) + timedelta(hours=12) - timedelta(seconds=1)
    assert (watch_sync(runtime).heads.at_risk, alerts(owner, "SYNC_RETENTION_RISK")) == ([], [])
    clock_of(runtime).move(seconds=1)
    for _ in range(3):
        watch_sync(runtime)
        clock_of(runtime).move(minutes=1)
    assert [told["first_unread_number"] for told in alerts(owner, "SYNC_RETENTION_RISK")] == [2]
    hold(runtime, 9, 9)
    watch_sync(runtime)
    watch_sync(runtime)
    assert [told["state"] for told in alerts(owner, "SYNC_SEQUENCE_GAP")] == ["OPEN", "EXPIRED"]


def a_silent_site_is_told_of(runtime: Runtime, owner: Owner) -> None:
    """A site is silent when nothing of it lies in the hub either; what we only have not read yet is no silence."""
    take(runtime, [0, 1])
    hold(runtime, 0, 2)
    clock_of(runtime).move(hours=5)
    assert watch_sync(runtime).silent == {}
    hold(runtime, 0, 1)
    assert watch_sync(runtime).silent.keys() == {"KR-SEOUL"}
    assert [told["site_id"] for told in alerts(owner, "SYNC_SILENT")] == ["KR-SEOUL"]


class _OvertakenHubs(ToldHubs):
    """While the watch waits for its answer, the hub is made anew and a stream reads it."""

    meanwhile: Callable[[], None]

    def describe(self, hubs: Sequence[str], seconds_max: float) -> Mapping[str, HubState | None]:
        answer = super().describe(hubs, seconds_max)
        self.meanwhile()
        return answer


def an_old_answer_brings_no_hub_back(runtime: Runtime, owner: Owner) -> None:
    """The hub a stream registered while the watch was asking stays the present one; what follows is credited to it."""
    hubs = _OvertakenHubs()
    overtaken = replace(runtime, hubs=hubs)
    take(overtaken, [0, 1, 2])

    def made_anew() -> None:
        hubs.created[HUB] = MADE + timedelta(days=1)
        later = [replace(sent, enqueued_at=NOON + timedelta(hours=1)) for sent in sent_of([0, 1])]
        ingest(overtaken, *later)

    hubs.meanwhile = made_anew
    assert watch_sync(overtaken).hubs_unknown == 1
    ingest(overtaken, *[replace(sent, enqueued_at=NOON + timedelta(hours=2)) for sent in sent_of([2])])
    assert received(owner) == ["{[0,3)}", "{[0,3)}"]


LOSS_STORIES = (
    every_hole_is_found_and_closed,
    what_cannot_be_asked_is_unknown,
    every_stall_is_told_of,
    what_will_expire_is_told_of_in_time,
    a_silent_site_is_told_of,
    an_old_answer_brings_no_hub_back,
)
