"""The flood guard: when most of a batch is bad, nothing of it is applied and the partition is held."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from shared.sync.errors import RejectFlood
from shared.sync.rejects.lower_ceiling import lower_ceiling
from shared.sync.rejects.model import Raise
from shared.sync.rejects.raise_ceiling import raise_ceiling
from tests.support.callers import operating
from tests.support.counted import counted
from tests.support.floods import alerts, bad, batch, stored
from tests.support.refused_rows import allow_again, culprit, forbid_wallet, sound, sound_order
from tests.support.runtime import NOON, KeptTelemetry, StandingClock, runtime_for
from tests.support.sync_events import HUBS, Sent, ingest, outcomes
from tests.support.sync_state import received, totals

Owner = psycopg.Connection[Any]
KIM, WHY = operating("kim"), "the producer's release was taken back"


def raise_all(runtime: Runtime, share: str = "1", **lasts: float) -> None:
    lasting = Raise(Decimal(share), timedelta(**lasts or {"minutes": 30}))
    raise_ceiling(runtime, KIM, "ledger", None, lasting, WHY)


def later(runtime: Runtime, **by: float) -> None:
    assert isinstance(runtime.clock, StandingClock)
    runtime.clock.move(**by)


def accounted(owner: Owner) -> dict[str, int]:
    """The counts, which together are the distinct numbers received."""
    counts = totals(owner)
    assert sum(n for name, n in counts.items() if name != "redelivered") == received(owner)
    return counts


@pytest.mark.parametrize(
    ("bad_events", "sound_events", "held"),
    [
        (20, 0, True),
        (19, 0, False),
        (10, 10, False),
        (11, 10, True),
        (11, 9, True),
        (10, 9, False),
        (18, 1, False),
        (50, 50, False),
        (51, 50, True),
        (51, 49, True),
        (1000, 0, True),
    ],
)
def test_more_than_half_of_at_least_twenty(
    runtime: Runtime, owner: Owner, bad_events: int, sound_events: int, held: bool
) -> None:
    events = batch(1, bad_events, sound_events)
    if held:
        with pytest.raises(RejectFlood):
            ingest(runtime, *events)
        assert (stored(owner), accounted(owner), len(alerts(owner))) == ((0, 0), {}, 1)
    else:
        ingest(runtime, *events)
        assert stored(owner) == (sound_events, bad_events)
        assert sum(accounted(owner).values()) == len(events)
        assert alerts(owner) == []


def test_share_and_size_are_settings(database_url: str, owner: Owner) -> None:
    strict = runtime_for(database_url, EVENT_REJECT_SHARE_MAX="0.1", EVENT_REJECT_BATCH_MIN="10")
    ingest(strict, *batch(1, 1, 9))
    ingest(strict, *batch(11, 9, 0))
    with pytest.raises(RejectFlood):
        ingest(strict, *batch(20, 2, 8))
    assert stored(owner) == (9, 10)
    strict.database.dispose()


def test_a_flood_is_held_with_one_alert_until_a_ceiling_is_raised(runtime: Runtime, owner: Owner) -> None:
    events = batch(100, 25, 5)
    for _ in range(5):
        with pytest.raises(RejectFlood):
            ingest(runtime, *events)
        later(runtime, seconds=60)
    (alert,) = alerts(owner)
    assert (stored(owner), accounted(owner)) == ((0, 0), {})
    raise_all(runtime)
    assert outcomes(ingest(runtime, *events)) == {"applied": 5, "dead_lettered": 25}
    assert accounted(owner) == {"applied": 5, "dead_lettered": 25}
    later(runtime, minutes=30)
    with pytest.raises(RejectFlood):
        ingest(runtime, *batch(200, 25, 5))
    assert [each["first_sequence_number"] for each in alerts(owner)] == [100, 200]
    assert accounted(owner) == {"applied": 5, "dead_lettered": 25}
    assert alert["at"] == NOON.isoformat()


def test_what_an_alert_tells(runtime: Runtime, owner: Owner) -> None:
    events = [
        *(Sent("ledger", n, b"{}", "3") for n in range(7, 20)),
        *(Sent("ledger", n, b"[", "3") for n in range(20, 26)),
        Sent("ledger", 26, b'{"\\u0000":1,"\\u0000":2}', "3"),
        Sent("ledger", 27, b'{"' + b"k" * 5000 + b'":1,"' + b"k" * 5000 + b'":2}', "3"),
        sound(28, partition_id="3"),
        sound(29, site_id="XX-NOWHERE", partition_id="3"),
    ]
    with pytest.raises(RejectFlood):
        ingest(runtime, *events)
    (alert,) = alerts(owner)
    examples = alert.pop("examples")
    assert alert == {
        "code": "SYNC_REJECT_FLOOD",
        "stream": "ledger",
        "hub": HUBS["ledger"],
        "generation": 1,
        "partition_id": "3",
        "first_sequence_number": 7,
        "last_sequence_number": 28,
        "events": 22,
        "bad": 21,
        "share_max": 0.5,
        "inside_gap": False,
        "by_code": {"CONTRACT_FIELD_MISSING": 13, "CONTRACT_JSON_INVALID": 6, "CONTRACT_DUPLICATE_KEY": 2},
        "at": NOON.isoformat(),
    }
    # Each kind of mistake before a second one of a kind.
    assert [each["sequence_number"] for each in examples] == [7, 20, 26, 27, 8]
    assert (examples[0]["code"], examples[0]["field"]) == ("CONTRACT_FIELD_MISSING", "tx_id")
    assert examples[2]["field"] == "\\x00"
    assert all(0 < len(each["detail"]) <= 300 for each in examples)


def test_one_alert_per_partition_and_flood(runtime: Runtime, owner: Owner) -> None:
    for partition in ("0", "1"):
        for first in (1, 100):
            with pytest.raises(RejectFlood):
                ingest(runtime, *batch(first, 20, 0, partition))
    places = [(each["partition_id"], each["first_sequence_number"]) for each in alerts(owner)]
    assert places == [("0", 1), ("0", 100), ("1", 1), ("1", 100)]


def test_a_flood_goes_by_its_first_new_number(runtime: Runtime, owner: Owner) -> None:
    """After a restart the platform may begin the batch earlier; the flood is the same."""
    ingest(runtime, *batch(1, 0, 10))
    for first in (11, 5, 1):
        with pytest.raises(RejectFlood):
            ingest(runtime, *batch(1, 0, 10)[first - 1 :], *batch(11, 20, 0))
    assert len(alerts(owner)) == 1


def test_unknown_sites_are_no_flood(runtime: Runtime, owner: Owner) -> None:
    """A site that was not registered is one missing row of ours."""
    events = [sound(number, site_id="XX-NOWHERE") for number in range(40)]
    assert outcomes(ingest(runtime, *events)) == {"dead_lettered": 40}
    assert alerts(owner) == []


def test_unknown_sites_hide_no_flood(runtime: Runtime, owner: Owner) -> None:
    """They count neither as bad nor as events: 12 of the other 20 are bad."""
    unknown = [sound(number, site_id="XX-NOWHERE") for number in range(100)]
    with pytest.raises(RejectFlood):
        ingest(runtime, *unknown, *batch(100, 12, 8))
    (alert,) = alerts(owner)
    assert (alert["events"], alert["bad"]) == (20, 12)


def test_a_bad_batch_that_comes_again_is_no_flood(runtime: Runtime, owner: Owner) -> None:
    raise_all(runtime)
    events = batch(1, 30, 0)
    ingest(runtime, *events)
    later(runtime, days=1)
    assert outcomes(ingest(runtime, *events)) == {"redelivered": 30}
    assert outcomes(ingest(runtime, *events, *batch(31, 19, 0))) == {"redelivered": 30, "dead_lettered": 19}
    assert accounted(owner)["dead_lettered"] == 49
    assert alerts(owner) == []


def test_what_comes_again_hides_no_flood(runtime: Runtime, owner: Owner) -> None:
    ingest(runtime, *batch(1, 0, 100))
    with pytest.raises(RejectFlood):
        ingest(runtime, *batch(1, 0, 100), *batch(101, 20, 0))
    assert accounted(owner) == {"applied": 100}


def test_a_number_twice_in_a_batch_counts_once(runtime: Runtime, owner: Owner) -> None:
    events = batch(1, 15, 0)
    assert outcomes(ingest(runtime, *events, *events)) == {"dead_lettered": 15, "redelivered": 15}
    assert accounted(owner)["dead_lettered"] == 15


def test_refused_rows_count(runtime: Runtime, owner: Owner) -> None:
    """The guard looks again after isolation: 5 bad events and 6 refused rows of 20."""
    forbid_wallet(owner)
    events = [*batch(1, 5, 9), *(culprit(number) for number in range(15, 21))]
    with pytest.raises(RejectFlood):
        ingest(runtime, *events)
    (alert,) = alerts(owner)
    assert alert["by_code"] == {"SYNC_ROW_REFUSED": 6, "CONTRACT_FIELD_MISSING": 5}
    assert (stored(owner), accounted(owner)) == ((0, 0), {})
    allow_again(owner)
    assert outcomes(ingest(runtime, *events)) == {"applied": 15, "dead_lettered": 5}


@pytest.mark.parametrize("size", [20, 64])
def test_a_batch_that_is_refused_whole_is_a_flood(runtime: Runtime, owner: Owner, size: int) -> None:
    forbid_wallet(owner)
    events = [culprit(number) for number in range(size)]
    with pytest.raises(RejectFlood):
        ingest(runtime, *events)
    raise_all(runtime)
    assert outcomes(ingest(runtime, *events)) == {"dead_lettered": size}
    assert accounted(owner) == {"dead_lettered": size}


def test_a_flood_of_one_stream_holds_the_call(runtime: Runtime, owner: Owner) -> None:
    with pytest.raises(RejectFlood):
        ingest(runtime, *batch(1, 20, 0), *(sound_order(number) for number in range(20)))
    assert owner.execute("SELECT count(*) FROM payment_orders").fetchone() == (0,)
    assert [each["stream"] for each in alerts(owner)] == ["ledger"]


def test_the_ceiling_is_a_share(runtime: Runtime, owner: Owner) -> None:
    raise_all(runtime, "0.8")
    ingest(runtime, *batch(1, 16, 4))
    with pytest.raises(RejectFlood):
        ingest(runtime, *batch(21, 17, 3))
    (alert,) = alerts(owner)
    assert (alert["share_max"], stored(owner)) == (0.8, (4, 16))


def test_a_ceiling_that_was_taken_back_holds_again(runtime: Runtime, owner: Owner) -> None:
    raise_all(runtime)
    ingest(runtime, *batch(1, 20, 0))
    lower_ceiling(runtime, KIM, "ledger", None, WHY)
    with pytest.raises(RejectFlood):
        ingest(runtime, *batch(21, 20, 0))
    assert accounted(owner) == {"dead_lettered": 20}


def test_a_held_batch_is_not_reported(runtime: Runtime) -> None:
    with pytest.raises(RejectFlood):
        ingest(runtime, *batch(1, 20, 0))
    assert isinstance(runtime.telemetry, KeptTelemetry)
    assert (runtime.telemetry.metrics, runtime.telemetry.events) == ([], [])


def test_a_few_bad_events_cost_no_question(runtime: Runtime) -> None:
    """Below what could be a flood neither ceilings nor positions are asked for."""
    ingest(runtime, sound(0))
    with counted(runtime) as (mine, counts):
        ingest(mine, *batch(1, 10, 90))
        few = counts["statements"]
        counts.clear()
        ingest(mine, *batch(101, 11, 89))
    assert counts["statements"] == few + 1


def test_the_guard_looks_at_one_batch_at_a_time(runtime: Runtime, owner: Owner) -> None:
    for first in range(1, 200, 19):
        ingest(runtime, *[bad(number) for number in range(first, first + 19)])
    assert alerts(owner) == []
