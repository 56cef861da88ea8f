"""A hub that was made anew numbers its events from the start: another generation, other places."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from shared.adapters.event_hubs import HubUnreachable
from shared.runtime import Runtime
from tests.support.runtime import NOON, ToldHubs
from tests.support.sync_events import HUBS, Sent, entry, ingest, ledger_body, outcomes
from tests.support.sync_state import totals

Owner = psycopg.Connection[Any]
FIRST, SECOND = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 11, 23, 11, tzinfo=UTC)


@pytest.fixture
def hubs(runtime: Runtime) -> ToldHubs:
    told = runtime.hubs
    assert isinstance(told, ToldHubs)
    told.created = dict.fromkeys(HUBS.values(), FIRST)
    return told


def generations(owner: Owner) -> list[tuple[int, datetime]]:
    return owner.execute("SELECT generation, hub_created_at FROM hub_generations ORDER BY 1").fetchall()


def positions(owner: Owner) -> list[tuple[int, str]]:
    return owner.execute("SELECT generation, received::text FROM stream_positions ORDER BY 1").fetchall()


def again(number: int, tx_id: str, minutes: float) -> Sent:
    """An event enqueued that many minutes after noon."""
    return Sent("ledger", number, ledger_body(tx_id), enqueued_at=NOON + timedelta(minutes=minutes))


def test_a_new_partition_asks_the_hub_once(runtime: Runtime, owner: Owner, hubs: ToldHubs) -> None:
    for number in (1, 2, 3):
        ingest(runtime, entry(number, f"t-{number}"))
    assert hubs.asked == 1
    assert generations(owner) == [(1, FIRST)]


def test_partitions_of_one_hub_share_its_generation(runtime: Runtime, owner: Owner, hubs: ToldHubs) -> None:
    for partition in ("0", "1"):
        ingest(runtime, entry(1, f"t-{partition}", partition_id=partition))
    assert generations(owner) == [(1, FIRST)]
    assert positions(owner) == [(1, "{[1,2)}")] * 2


def test_a_hub_made_anew_starts_a_generation(runtime: Runtime, owner: Owner, hubs: ToldHubs) -> None:
    ingest(runtime, again(0, "t-0", 0), again(1, "t-1", 1))
    hubs.created[HUBS["ledger"]] = SECOND
    assert outcomes(ingest(runtime, again(0, "t-2", 2), again(1, "t-3", 3))) == {"applied": 2}
    assert generations(owner) == [(1, FIRST), (2, SECOND)]
    assert positions(owner) == [(1, "{[0,2)}"), (2, "{[0,2)}")]
    assert totals(owner) == {"applied": 4}
    assert outcomes(ingest(runtime, again(2, "t-4", 4))) == {"applied": 1}
    assert hubs.asked == 2


def test_dead_letters_of_two_generations_do_not_collide(
    runtime: Runtime, owner: Owner, hubs: ToldHubs
) -> None:
    ingest(runtime, Sent("ledger", 0, b"[]", enqueued_at=NOON))
    hubs.created[HUBS["ledger"]] = SECOND
    ingest(runtime, Sent("ledger", 0, b"{}", enqueued_at=NOON + timedelta(minutes=1)))
    letters = owner.execute("SELECT generation, body FROM dead_letters ORDER BY 1").fetchall()
    assert letters == [(1, b"[]"), (2, b"{}")]


def test_a_suspicion_that_the_hub_does_not_confirm_changes_nothing(
    runtime: Runtime, owner: Owner, hubs: ToldHubs
) -> None:
    """Two brokers' clocks may disagree: a lower number with a later time is no proof by itself."""
    ingest(runtime, again(5, "t-5", 1))
    assert outcomes(ingest(runtime, again(4, "t-4", 2))) == {"applied": 1}
    assert hubs.asked == 2
    assert generations(owner) == [(1, FIRST)]
    assert positions(owner) == [(1, "{[4,6)}")]


def test_a_redelivery_raises_no_suspicion(runtime: Runtime, owner: Owner, hubs: ToldHubs) -> None:
    events = [again(number, f"t-{number}", number) for number in range(4)]
    ingest(runtime, *events)
    ingest(runtime, *events[1:3])
    ingest(runtime, *events)
    assert hubs.asked == 1


@pytest.mark.parametrize("known", [True, False])
def test_when_the_hub_cannot_be_asked_the_batch_is_held(
    runtime: Runtime, owner: Owner, hubs: ToldHubs, known: bool
) -> None:
    if known:
        ingest(runtime, again(5, "t-5", 1))
    before = positions(owner)
    hubs.reachable = False
    with pytest.raises(HubUnreachable):
        ingest(runtime, again(4, "t-4", 2))
    assert positions(owner) == before
    assert owner.execute("SELECT count(*) FROM ledger_entries WHERE tx_id = 't-4'").fetchone() == (0,)
    hubs.reachable = True
    assert outcomes(ingest(runtime, again(4, "t-4", 2))) == {"applied": 1}


def test_what_the_old_hub_said_stays_under_the_order(runtime: Runtime, owner: Owner, hubs: ToldHubs) -> None:
    ingest(runtime, Sent("ledger", 0, ledger_body("t-1", version=5, amount="5"), enqueued_at=NOON))
    hubs.created[HUBS["ledger"]] = SECOND
    stale = Sent("ledger", 0, ledger_body("t-1", version=4), enqueued_at=NOON + timedelta(minutes=1))
    assert outcomes(ingest(runtime, stale)) == {"superseded": 1}
    assert owner.execute("SELECT amount FROM ledger_entries").fetchall() == [(5,)]
