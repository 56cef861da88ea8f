"""Stories that prove a rule, told on a database: by the tests on the product, by the canaries on a spoiled copy.

Each takes a runtime and a superuser's connection, and raises AssertionError when the rule does not hold.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import psycopg
import pytest

from shared.runtime import Runtime
from shared.sync.errors import DeadLetterConflict, RejectFlood
from shared.sync.rejects.model import Raise
from shared.sync.rejects.raise_ceiling import raise_ceiling
from tests.support.callers import operating
from tests.support.floods import alerts, batch, stored
from tests.support.histories import WORLDS, run_histories
from tests.support.interleaving import at_once, know_partitions, locked_while_waiting
from tests.support.loss_stories import LOSS_STORIES
from tests.support.oracle import folded
from tests.support.poison import POISON
from tests.support.refused_rows import culprit, forbid_wallet, sound
from tests.support.runtime import StandingClock
from tests.support.sync_events import Sent, entry, ingest, order, outcomes
from tests.support.sync_state import assert_converged, received, totals
from tests.support.worlds import World

Owner = psycopg.Connection[Any]
Story = Callable[[Runtime, Owner], None]


def receive(number: int, tx_id: str = "r-1", partition_id: str = "1", **fields: Any) -> Sent:
    """A RECEIVE entry, by default of another partition than payments come from."""
    return entry(number, tx_id, partition_id=partition_id, **{"entry_type": "RECEIVE", **fields})


def rows_are_locked_in_key_order(runtime: Runtime, owner: Owner) -> None:
    """An ingest that waits for a row has locked every row of its batch before it in key order, and none after.

    The batch is large and its tables are analysed, so that the planner may choose as it does in a real installation.
    """
    numbers = list(range(100, 1100))
    Random(1).shuffle(numbers)
    every, tables = [f"{n:04}" for n in range(100, 1100)], ("ledger_entries", "payment_orders", "pairs")
    for version in range(1, 2 + len(tables)):
        events = [
            entry(2000 * version + n, f"{n:04}", related_id=f"{n:04}", version=version, amount=version)
            for n in numbers
        ]
        events += [order(2000 * version + n, f"{n:04}", version=version, amount=version) for n in numbers]
        if version == 1:
            ingest(runtime, *events)
            for table in tables:
                owner.execute(f"ANALYZE {table}")
        else:
            locked = locked_while_waiting(runtime, owner, events, tables[version - 2], held="0600")
            assert locked == {key for key in every if key < "0600"}


def two_sides_at_once_make_a_complete_pair(runtime: Runtime, owner: Owner) -> None:
    """Whoever comes second sees the other side, whether the pair stands already or not."""
    know_partitions(runtime, "0", "1")
    events = [order(1, "o-old"), order(2, "o-fail", status="FAILED")]
    ingest(runtime, *events)
    for number, name in enumerate(("o-new", "o-old", "o-fail", "o-swapped"), 10):
        sides = [entry(number, f"{name}-p", related_id=name)], [receive(number, f"{name}-r", related_id=name)]
        one, other = sides[::-1] if name == "o-swapped" else sides
        at_once(runtime, owner, one, other)
        events += [*one, *other]
    late = [order(20, "o-late", partition_id="1")]
    early = [entry(20, "o-late-p", related_id="o-late")]
    at_once(runtime, owner, early, late)
    assert_converged(owner, folded([*events, *early, *late]))


def an_entry_re_pointed_twice_at_once_leaves_no_pair_behind(runtime: Runtime, owner: Owner) -> None:
    """The second sees where the first has pointed the entry, and repairs that order too."""
    know_partitions(runtime, "0", "1")
    events = [entry(1, "p-1", version=1), receive(1, version=1), order(1)]
    for sent in events:
        ingest(runtime, sent)
    one = [entry(2, "p-1", version=2, related_id="o-2")]
    other = [entry(3, "p-1", version=3, related_id="o-3", partition_id="1")]
    at_once(runtime, owner, one, other)
    assert_converged(owner, folded([*events, *one, *other]))
    back = [entry(4, "p-1", version=5)], [receive(4, version=5, related_id="o-3")]
    at_once(runtime, owner, *back)
    assert_converged(owner, folded([*events, *one, *other, *back[0], *back[1]]))


def what_comes_again_rewrites_nothing(runtime: Runtime, owner: Owner) -> None:
    """After the first time a batch leaves every row as it is, and counts only as redelivered.

    It may add observations: an event that was first applied meets the later one it is in conflict with.
    """
    world = World(7, events=120, orders=6)
    batches = [call for partition in world.partitions for call in world.calls(partition, 30)]
    batches.append([Sent("ledger", 1, b"{}", "bad"), entry(2, "x-good", partition_id="bad")])
    for call in batches:
        ingest(runtime, *call)
    before, counts = row_versions(owner), totals(owner)
    for call in (*batches, *batches[::-1]):
        assert outcomes(ingest(runtime, *call)) == {"redelivered": len(call)}
    after = row_versions(owner)
    assert set(before.pop("sync_findings")) <= set(after.pop("sync_findings"))
    assert after == before
    counts.pop("redelivered", None)
    assert {name: n for name, n in totals(owner).items() if name != "redelivered"} == counts
    assert sum(counts.values()) == received(owner) == len(world.events) + len(batches[-1])


def row_versions(owner: Owner) -> dict[str, list[tuple[Any, ...]]]:
    """Which transaction wrote each row last; a rewritten row has another."""
    tables = ("ledger_entries", "payment_orders", "pairs", "applied_records", "dead_letters", "sync_findings")
    return {t: sorted(owner.execute(f"SELECT ctid::text, xmin::text FROM {t}").fetchall()) for t in tables}


def every_bad_event_is_quarantined(runtime: Runtime, owner: Owner) -> None:
    """Each bad event has its row with its code, and its neighbours are applied."""
    events: list[Sent] = []
    for number, poison in enumerate(POISON):
        events += [Sent("ledger", 2 * number, poison.body), entry(2 * number + 1, f"t-{number}")]
    ingest(runtime, *events)
    letters = owner.execute(
        "SELECT sequence_number, error_code, body FROM dead_letters ORDER BY 1"
    ).fetchall()
    assert letters == [(2 * number, p.code, p.body) for number, p in enumerate(POISON)]
    assert owner.execute("SELECT count(*) FROM ledger_entries").fetchone() == (len(POISON),)


def a_quarantined_place_never_changes_its_bytes(runtime: Runtime, owner: Owner) -> None:
    """Other bytes at the same place raise, and nothing of the call is stored."""
    ingest(runtime, Sent("ledger", 1, b"{}"))
    with pytest.raises(DeadLetterConflict):
        ingest(runtime, entry(2), Sent("ledger", 1, b"[]"))
    assert owner.execute("SELECT body FROM dead_letters").fetchall() == [(b"{}",)]
    assert owner.execute("SELECT count(*) FROM ledger_entries").fetchone() == (0,)


def any_order_leads_to_one_state(runtime: Runtime, owner: Owner) -> None:
    """Every 21st history of every world: with eight splits to an order, that meets each split."""
    for events in WORLDS.values():
        assert run_histories(runtime, owner, events[:4], every=21) == 10


def a_refused_row_leaves_its_neighbours(runtime: Runtime, owner: Owner) -> None:
    """Exactly the rows the database refuses become dead letters, all others commit, and each event is counted once."""
    forbid_wallet(owner)
    refused = {0, 7, 8, 19}
    events = [culprit(number) if number in refused else sound(number) for number in range(20)]
    ingest(runtime, *events)
    letters = owner.execute("SELECT sequence_number, error_code FROM dead_letters ORDER BY 1").fetchall()
    assert letters == [(number, "SYNC_ROW_REFUSED") for number in sorted(refused)]
    assert_converged(owner, folded(e for e in events if e.sequence_number not in refused))
    assert totals(owner) == {"applied": 16, "dead_lettered": 4}
    assert received(owner) == 20


def a_flood_is_held_until_a_ceiling_is_raised(runtime: Runtime, owner: Owner) -> None:
    """Nothing of it is stored and one alert is written; what was taken is no flood when it comes again."""
    events = batch(1, 20, 5)
    for _ in range(3):
        assert _taken(runtime, events) == {}
    assert stored(owner) == (0, 0)
    assert len(alerts(owner)) == 1
    wanted = Raise(Decimal(1), timedelta(minutes=1))
    raise_ceiling(runtime, operating(), "ledger", "0", wanted, "told by a story")
    assert _taken(runtime, events) == {"applied": 5, "dead_lettered": 20}
    clock = runtime.clock
    assert isinstance(clock, StandingClock)
    clock.move(minutes=1)
    assert _taken(runtime, events) == {"redelivered": 25}
    assert _taken(runtime, batch(26, 20, 5)) == {}
    assert stored(owner) == (5, 20)


def _taken(runtime: Runtime, events: list[Sent]) -> dict[str, int]:
    """What came of them; nothing when they were held."""
    try:
        return outcomes(ingest(runtime, *events))
    except RejectFlood:
        return {}


STORIES: tuple[Story, ...] = (
    rows_are_locked_in_key_order,
    two_sides_at_once_make_a_complete_pair,
    an_entry_re_pointed_twice_at_once_leaves_no_pair_behind,
    what_comes_again_rewrites_nothing,
    every_bad_event_is_quarantined,
    a_quarantined_place_never_changes_its_bytes,
    any_order_leads_to_one_state,
    a_refused_row_leaves_its_neighbours,
    a_flood_is_held_until_a_ceiling_is_raised,
    *LOSS_STORIES,
)
