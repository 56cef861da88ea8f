"""Stories of the loss proof: every hole is found, told and closed; what is unknown is never called 0."""

from typing import Any

import psycopg

from shared.runtime import Runtime
from shared.sync.describe_sync import describe_sync
from shared.sync.loss.model import Wish
from shared.sync.replay_range import replay_range
from shared.sync.watch_sync import watch_sync
from tests.support.loss import alerts, gaps, hold, received, take, told_hubs
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
    (done,) = replay_range(runtime, Wish(who="ada"), dry_run=False)
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
    (status,) = describe_sync(runtime, 1.0).partitions
    assert (status.lag_events, status.lag_seconds, status.hub_head) == (None, None, None)
    assert (status.received, status.missing_events) == (3, 2)
    assert [row[-1] for row in gaps(owner)] == ["OPEN"]


LOSS_STORIES = (every_hole_is_found_and_closed, what_cannot_be_asked_is_unknown)
